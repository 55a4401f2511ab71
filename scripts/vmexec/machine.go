package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// memory of a guest, in MiB: for its files and for hundreds of labs.
const memory = 1024

func init() {
	// The guest is to die with this process; the kernel tells it when the thread
	// ends that has started it (prctl(2), PR_SET_PDEATHSIG). That is this one, and
	// it lives as long as the process.
	runtime.LockOSThread()
}

// A machine is a guest with what it shares with the host: regular files in memory,
// without a name, so that nothing is left however this process ends. They are no
// pipes, because a guest that waits for the reader of a full pipe has nothing to do,
// and then virtual time leaps.
type machine struct {
	command *exec.Cmd
	// initrd is what the guest boots from. It writes the others: the kernel's
	// log, what the test prints, what init tells, and what the emulator
	// complains of.
	initrd, console, output, control, errors *os.File
	over                                     chan struct{} // closed when the guest has ended
}

// Descriptors of the files in the guest's process.
const (
	initrdFD = 3 + iota
	consoleFD
	outputFD
	controlFD
)

// descriptor names a file of the guest's process for it to open.
func descriptor(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// newMachine makes the files.
func newMachine() (*machine, error) {
	m := &machine{over: make(chan struct{})}
	for _, file := range []**os.File{&m.initrd, &m.console, &m.output, &m.control, &m.errors} {
		fd, err := unix.MemfdCreate("vmexec", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, fmt.Errorf("making the guest's files: %w", err)
		}
		*file = os.NewFile(uintptr(fd), "memory")
	}
	return m, nil
}

// start boots the guest.
func (m *machine) start(opts options) error {
	args, env := qemuArgs(opts), os.Environ()
	program := opts.kernel.emulator
	if opts.kernel.uml() {
		program, args, env = opts.kernel.image, umlArgs(opts), umlEnv(os.Environ())
	}
	m.command = exec.Command(program, args...)
	m.command.Env = env
	m.command.Stdout, m.command.Stderr = m.errors, m.errors
	m.command.ExtraFiles = []*os.File{m.initrd, m.console, m.output, m.control}
	// A group of its own: Ctrl-C is for this process, which ends the guest.
	m.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	restore := func() error { return nil }
	if opts.kernel.uml() {
		var err error
		if restore, err = takeProcessor(); err != nil {
			return err
		}
	}
	if err := errors.Join(m.command.Start(), restore()); err != nil {
		return fmt.Errorf("starting the guest: %w", err)
	}
	go func() {
		_ = m.command.Wait() // what the guest told counts, not how it ended
		close(m.over)
	}()
	return nil
}

// kill ends the guest with all its processes.
func (m *machine) kill() {
	_ = unix.Kill(-m.command.Process.Pid, unix.SIGKILL) // gone is what it should be
	<-m.over
}
