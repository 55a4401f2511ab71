package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// run runs a test in a guest, and is the exit status.
func run(ctx context.Context, opts options, test []string) (int, error) {
	dir, err := workingDir()
	if err != nil {
		return statusLost, err
	}
	t, err := newTask(dir, test)
	if err != nil {
		return statusUsage, err
	}
	if warning := t.warning(opts.limit); warning != "" {
		fmt.Fprintln(os.Stderr, "vmexec:", warning)
	}
	back, err := newDelivery(t)
	if err != nil {
		return statusLost, err
	}
	m, err := newMachine()
	if err != nil {
		return statusLost, err
	}
	if err := writeInitramfs(m.initrd, opts.kernel, t, newJob(opts, t)); err != nil {
		return statusLost, err
	}
	if err := m.start(opts); err != nil {
		return statusLost, err
	}
	return m.attend(ctx, opts.limit, back)
}

// workingDir is where the test is run, as a path without symbolic links. Getwd takes PWD
// for it, which go test sets, and which has the links of a checkout that is reached
// through some: the guest would have to have each of them.
func workingDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// newJob is what the guest has to do. It depends on nothing that changes from run to
// run, as the directory does that go test compiles in: the same job in the same guest
// takes the same time to the nanosecond.
func newJob(opts options, t task) job {
	todo := job{
		Args: append([]string{filepath.Base(t.binary)}, t.args...), Env: guestEnv(os.Environ(), opts.virtual), Dir: t.dir,
		Outputs: t.outputs, Virtual: opts.virtual, Output: "/dev/ttyS1", Control: "/dev/ttyS2",
	}
	if t.report != "" {
		todo.Outputs = append(todo.Outputs, t.report)
	}
	if opts.kernel.uml() {
		todo.Output, todo.Control = "/dev/tty1", "/dev/tty2"
	}
	return todo
}

// virtualTime tells the harness that time leaps (harness/virtual.go).
const virtualTime = "FINWAIT_VIRTUAL_TIME"

// guestEnv is the environment of the test: that of the host without what names
// processes and files of the host.
func guestEnv(environ []string, virtual bool) []string {
	foreign := []string{virtualTime, "FINWAIT_CALLED_BY", "GITHUB_STEP_SUMMARY", "XTABLES_LOCKFILE", "TMPDIR", "PATH", "HOME", "TERM", "_", "SHLVL", "OLDPWD"}
	var env []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !slices.Contains(foreign, name) {
			env = append(env, variable)
		}
	}
	env = append(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TMPDIR=/tmp")
	if virtual {
		env = append(env, virtualTime+"=1")
	}
	return env
}

// A result is what the guest told of the test.
type result struct {
	begun bool
	last  message
	err   error
}

// attend follows a guest to its end, and is the exit status.
func (m *machine) attend(ctx context.Context, limit time.Duration, back *delivery) (int, error) {
	told, printed, logged := make(chan result, 1), make(chan error, 1), make(chan error, 1)
	var log console
	go func() { told <- listen(follow(m.control, m.over), back) }()
	go func() { _, err := io.Copy(os.Stdout, follow(m.output, m.over)); printed <- err }()
	go func() { logged <- log.read(follow(m.console, m.over)) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var got result
	var why error
	select {
	case got = <-told:
		m.kill()
	case <-ctx.Done():
		why = context.Cause(ctx)
		m.kill()
		got = <-told
	case <-timer.C:
		why = fmt.Errorf("the test has not ended within %v of the host's time (-limit)", limit)
		m.kill()
		got = <-told
	}
	if err := errors.Join(<-printed, <-logged, got.err); err != nil {
		return statusLost, fmt.Errorf("following the guest: %w", err)
	}
	return m.verdict(got, &log, why)
}

// listen reads what the guest tells until it has told all.
func listen(from io.Reader, back *delivery) result {
	reader := bufio.NewReaderSize(from, 1<<20)
	var r result
	for {
		m, err := receive(reader)
		if errors.Is(err, io.EOF) {
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
		switch m.Kind {
		case started:
			r.begun = true
		case wrote:
			if err := back.accept(m); err != nil {
				r.err = err
				return r
			}
		default:
			r.last = m
			return r
		}
	}
}

// verdict is the exit status. A result counts only if the guest gave it before it was
// ended.
func (m *machine) verdict(got result, log *console, why error) (int, error) {
	var ended interrupted
	switch {
	case errors.As(why, &ended):
		return statusLost, why
	case why != nil:
		return statusLost, fmt.Errorf("%w; %v", why, log)
	case got.last.Kind == failed:
		return statusLost, fmt.Errorf("the guest could not run the test: %s", got.last.Why)
	case got.last.Kind != exited:
		return statusLost, fmt.Errorf("%s; %v%s", m.lost(got, log), log, m.complaints())
	case log.memory != "": // which process the kernel ended for it is luck
		return statusLost, fmt.Errorf("the guest ran out of its %d MiB of memory: %s; %v", memory, log.memory, log)
	case got.last.Signal != "":
		return statusLost, fmt.Errorf("the test was ended by a signal: %s; %v", got.last.Signal, log)
	case log.complaint != "":
		return max(got.last.Status, statusComplaint), fmt.Errorf("the kernel complained while the test ran: %s; %v", log.complaint, log)
	}
	return got.last.Status, nil
}

// lost says what became of a guest that ended by itself.
func (m *machine) lost(got result, log *console) string {
	switch {
	case log.memory != "":
		return fmt.Sprintf("the guest ran out of its %d MiB of memory: %s", memory, log.memory)
	case log.panic != "":
		return "the kernel panicked: " + log.panic
	case got.begun:
		return "the guest ended before it said how the test had"
	}
	return "the guest ended before the test began"
}

// complaints is what the emulator, or User Mode Linux as a program, has said.
func (m *machine) complaints() string {
	text, err := io.ReadAll(follow(m.errors, m.over))
	if err != nil || len(text) == 0 {
		return ""
	}
	return fmt.Sprintf("\n%s says:\n  %s", filepath.Base(m.command.Path), strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  "))
}
