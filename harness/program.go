package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// programTimeout bounds the end of what was killed; it takes a millisecond.
	programTimeout = 5 * time.Second
	// outputDelay bounds the wait for output that others hold open when the
	// program has ended.
	outputDelay = 2 * time.Second
)

// Program is a program that runs on a host: in its network namespace, otherwise
// in the surroundings of the test. It is used as an [exec.Cmd], whose fields the
// exported ones are, and is set up before Start.
//
// When the lab ends everything that still runs on the host is killed, stopped or
// not: the program and what it has started. All of it stays in the process group
// of the test, so that Ctrl-C reaches it. The program itself, but not what it has
// started, dies with the test binary however that ends, unless it is set-user-ID,
// for which the kernel forgets this (prctl(2), PR_SET_PDEATHSIG).
type Program struct {
	// Args are the name and the arguments, as Command was given them.
	Args []string
	// Env is the environment, that of the test if nil.
	Env []string
	// Dir is the working directory, that of the test if empty.
	Dir string
	// Stdin must come to an end by itself if it is not an [*os.File]: a read
	// from it that has begun cannot be broken off.
	Stdin io.Reader
	// Stdout and Stderr take what the program prints; nil drops it.
	Stdout, Stderr io.Writer

	host    *Host
	process *os.Process
	done    chan struct{} // closed when it has been waited for
	err     error         // what that said
}

// Command prepares a program to be run on the host. The name is looked up in
// PATH, as [exec.Command] does; if it is not found Start says so.
func (h *Host) Command(name string, args ...string) *Program {
	return &Program{Args: append([]string{name}, args...), host: h}
}

// String names the program and its host.
func (p *Program) String() string { return fmt.Sprintf("%s on the %s", p.Args[0], p.host.name) }

// Start starts the program, once.
func (p *Program) Start() error {
	if p.done != nil {
		return fmt.Errorf("starting %v: it was started before", p)
	}
	p.done = make(chan struct{})
	started := make(chan error, 1)
	go p.live(started)
	if err := <-started; err != nil {
		<-p.done
		return fmt.Errorf("starting %v: %w", p, err)
	}
	p.host.lab.onClose(p.kill)
	return nil
}

// live starts the program and waits for it.
func (p *Program) live(started chan<- error) {
	defer close(p.done)
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Env, p.Dir, p.Stdin, p.Stdout, p.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = outputDelay
	err := p.host.ns.Do(func() error { return p.inhabit(cmd, started) })
	if p.process == nil {
		started <- err
		return
	}
	p.err = errors.Join(cmd.Wait(), err)
}

// inhabit starts the program and returns when it has ended. The thread may not
// end before: a parent's death is told at that of the thread that forked. The
// namespace cannot be closed meanwhile.
func (p *Program) inhabit(cmd *exec.Cmd, started chan<- error) error {
	if err := programs.run(cmd.Start); err != nil {
		return err
	}
	p.process = cmd.Process
	started <- nil
	defer p.host.lab.kick()
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Wait waits until the program has ended and its output was copied. An
// unsuccessful end is an [*exec.ExitError]; output that something else still
// holds open two seconds later gives [exec.ErrWaitDelay]. Wait may be called
// more than once.
func (p *Program) Wait() error {
	if p.process == nil {
		return fmt.Errorf("waiting for %v: it was not started", p)
	}
	<-p.done
	if p.err != nil {
		return fmt.Errorf("%v: %w", p, p.err)
	}
	return nil
}

// Run starts the program and waits for it.
func (p *Program) Run() error {
	if err := p.Start(); err != nil {
		return err
	}
	return p.Wait()
}

// Signal sends a signal to the program; [os.ErrProcessDone] if it has ended.
func (p *Program) Signal(signal os.Signal) error {
	if p.process == nil {
		return fmt.Errorf("signalling %v: it was not started", p)
	}
	if err := p.process.Signal(signal); err != nil {
		return fmt.Errorf("signalling %v: %w", p, err)
	}
	p.host.lab.kick()
	return nil
}

// Pid is the process id, zero before the program was started.
func (p *Program) Pid() int {
	if p.process == nil {
		return 0
	}
	return p.process.Pid
}

// kill ends the program and what is left of its descendants.
func (p *Program) kill() error {
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	defer cancel()
	if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %v: %w", p, err)
	}
	if err := p.host.killInhabitants(ctx); err != nil {
		return fmt.Errorf("killing what %v has started: %w", p, err)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("waiting for %v, which was killed, or for the end of its Stdin: %w", p, ctx.Err())
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		return fmt.Errorf("%v: %w", p, p.err)
	}
	return nil
}
