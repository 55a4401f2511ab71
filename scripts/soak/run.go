package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lookPace is how often is looked for what nothing tells of: the first line of a
// run, the end of an orphan.
const lookPace = 20 * time.Millisecond

// A run is a process that was started, and all that it starts.
type run struct {
	command *exec.Cmd
	log     string        // the path of what it has printed
	done    chan struct{} // closed when it has ended
	err     error         // how
}

// start starts a run in a session of its own, so that a signal to its process
// group reaches nothing else. What it prints goes to a file: a pipe would last for
// as long as anything that it leaves behind.
func (s *soak) start(dir string, args ...string) (*run, error) {
	log, err := os.CreateTemp(s.scratch, "log-")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(args[0], args[1:]...)
	command.Dir, command.Stdout, command.Stderr = filepath.Join(s.root, dir), log, log
	command.Env = append(os.Environ(), "TMPDIR="+s.temporary, "GITHUB_STEP_SUMMARY=", compiledIn+"=")
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if name := filepath.Base(args[0]); name == "go" || name == "make" {
		if err := s.asCaller(command); err != nil {
			return nil, err
		}
	}
	r := &run{command: command, log: log.Name(), done: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(r.done)
		r.err = command.Wait()
	}()
	return r, nil
}

// printed is what it has printed so far.
func (r *run) printed() string {
	text, err := os.ReadFile(r.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// last are the last lines of it.
func (r *run) last(lines int) string {
	all := strings.Split(strings.TrimSpace(r.printed()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n    ")
}

// toldLines bounds what is shown of a test.
const toldLines = 12

// told is what go test has told of a test that failed.
func (r *run) told(test string) string {
	_, text, _ := strings.Cut(r.printed(), "--- FAIL: "+test+" ")
	text, _, _ = strings.Cut(text, "--- ")
	lines := strings.Split(text, "\n")
	return strings.Join(lines[:min(toldLines, len(lines))], "\n")
}

// awaitLine waits until the run has printed the words, and reports whether it has;
// it has not when it ended before.
func (r *run) awaitLine(ctx context.Context, words string) bool {
	pace := time.NewTicker(lookPace)
	defer pace.Stop()
	for {
		if strings.Contains(r.printed(), words) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-r.done:
			return false
		case <-pace.C:
		}
	}
}

// goesOn waits, and reports whether the run still goes on then.
func (r *run) goesOn(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-r.done:
		return false
	case <-timer.C:
		return true
	}
}

// end waits until the run has ended, and kills it when that takes too long.
func (r *run) end(ctx context.Context, patience time.Duration) error {
	if !r.goesOn(ctx, patience) && ctx.Err() == nil {
		return nil
	}
	err := unix.Kill(-r.command.Process.Pid, unix.SIGKILL)
	<-r.done
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(fmt.Errorf("it did not end within %v", patience), err)
}
