package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A victim is a way to end a run, or to break a part of it.
type victim struct {
	name string
	// copies are how many runs are begun at once; one if zero.
	copies int
	// begin is the directory and the command of a run of some tests.
	begin func(s *soak, tests string) (dir string, args []string)
	// strike ends the run or breaks a part of it, and reports whether it was in
	// time.
	strike func(ctx context.Context, s *soak, r *run, moment moment) (bool, error)
	// tests, if not empty, are those it takes.
	tests []string
	// early says that it lives mostly while a run begins.
	early bool
}

// A moment says at random when to strike.
type moment struct {
	// fromStart is true for a moment counted from the start of the process, else
	// it counts from the first line that the tests print.
	fromStart bool
	after     time.Duration
}

var victims = []victim{
	{name: "go test, SIGKILL", begin: byGoTest, strike: kill(isGoTest, unix.SIGKILL)},
	{name: "make, SIGKILL", begin: byMake, strike: kill(isMake, unix.SIGKILL)},
	{name: "the test binary under make, SIGKILL", begin: byMake, strike: kill(isBinary, unix.SIGKILL)},
	{name: "the test binary, SIGKILL", begin: directly, strike: kill(isBinary, unix.SIGKILL)},
	{name: "the test binary, SIGINT", begin: directly, strike: kill(isBinary, unix.SIGINT)},
	{name: "the test binary, SIGTERM", begin: directly, strike: kill(isBinary, unix.SIGTERM)},
	{name: "the test binary, SIGQUIT (as a panic)", begin: directly, strike: kill(isBinary, unix.SIGQUIT)},
	{name: "the process group, SIGINT (Ctrl-C)", begin: byGoTest, strike: killGroup(unix.SIGINT)},
	{name: "the process group, SIGTERM", begin: byMake, strike: killGroup(unix.SIGTERM)},
	{name: "iptables in a rule, SIGKILL", begin: briefly, strike: kill(isIptables, unix.SIGKILL), early: true},
	{name: "the test binary while iptables runs, SIGKILL", begin: briefly, strike: killParentOf(isIptables), early: true},
	{name: "a program of a lab, SIGKILL", begin: briefly, strike: kill(isProgram, unix.SIGKILL), tests: programTests},
	{name: "the test binary while a program runs, SIGKILL", begin: directly, strike: killParentOf(isProgram), tests: programTests},
	{name: "nobody: descriptors run out", begin: withFewDescriptors, strike: says("too many open files")},
	{name: "nobody: the disk is full", begin: onSmallDisk, strike: says("no space left on device")},
	{name: "nobody: the time-out of go test", copies: 6, begin: withTimeout, strike: stopUntilTimeout},
}

// programTests run a program on a host.
var programTests = []string{"TestProcessEnds", "TestProcessEndsWithUnreadData", "TestProcessStopped"}

const (
	// short keeps a run short that ends by itself.
	short = "-watch=2s"
	// long has a run go on for longer than what is killed may take to end.
	long = "-watch=20s"
)

func directly(s *soak, tests string) (string, []string) {
	return "cases", []string{s.cases, long, "-test.run=" + tests}
}

func briefly(s *soak, tests string) (string, []string) {
	return "cases", []string{s.cases, short, "-test.run=" + tests}
}

func byGoTest(s *soak, tests string) (string, []string) {
	return "cases", []string{"go", "test", "-count=1", "-exec", "'" + filepath.Join(s.root, "scripts", "privileged") + "'", long, "-run", tests}
}

func byMake(_ *soak, tests string) (string, []string) {
	return ".", []string{"make", "cases", "ARGS=" + long + " -run '" + tests + "'"}
}

func withFewDescriptors(s *soak, tests string) (string, []string) {
	_, args := briefly(s, tests)
	limit := fmt.Sprintf("ulimit -n %d && exec \"$@\"", 8+s.random.IntN(120))
	return "cases", append([]string{"sh", "-c", limit, "sh"}, args...)
}

// onSmallDisk mounts a file system of a few pages in a mount namespace of the run.
func onSmallDisk(s *soak, tests string) (string, []string) {
	_, args := briefly(s, tests)
	mount := fmt.Sprintf("mount -t tmpfs -o size=%dk tmpfs %s && exec \"$@\"", 4*(1+s.random.IntN(30)), s.disk)
	return "cases", append(append([]string{"unshare", "--mount", "sh", "-c", mount, "sh"}, args...), "-report="+filepath.Join(s.disk, "report"))
}

// timeout is the shortest that the suite accepts for a watch of two seconds.
const timeout = 24 * time.Second

func withTimeout(s *soak, tests string) (string, []string) {
	dir, args := briefly(s, tests)
	return dir, append(args, fmt.Sprintf("-test.timeout=%v", timeout))
}

func isGoTest(p process, _ []process) bool {
	return p.name == "go" && len(p.args) > 1 && p.args[1] == "test"
}

func isMake(p process, _ []process) bool { return p.name == "make" }

// isBinary is true of the first process with the name: what it forks bears it,
// too, until it runs its program.
func isBinary(p process, tree []process) bool {
	return p.name == "cases.test" && !slices.ContainsFunc(tree, func(parent process) bool { return parent.pid == p.parent && parent.name == p.name })
}

func isIptables(p process, _ []process) bool { return strings.Contains(p.name, "tables") }

func isProgram(p process, tree []process) bool {
	return len(p.args) > 1 && p.args[1] == "serve" && !isBinary(p, tree)
}

// await waits until the moment, and reports whether the run still goes on.
func (m moment) await(ctx context.Context, r *run) bool {
	return (m.fromStart || r.awaitLine(ctx, "finwait: ")) && r.goesOn(ctx, m.after)
}

// hunt finds a process at the moment or as soon as there is one after it.
func (m moment) hunt(ctx context.Context, r *run, wanted func(process, []process) bool) (process, bool, error) {
	if !m.await(ctx, r) {
		return process{}, false, nil
	}
	for {
		found, is, err := r.find(wanted)
		if is || err != nil {
			return found, is, err
		}
		// A program of iptables lives for three milliseconds.
		if !r.goesOn(ctx, 200*time.Microsecond) {
			return process{}, false, nil
		}
	}
}

// kill sends a signal to the process that is wanted.
func kill(wanted func(process, []process) bool, signal unix.Signal) func(context.Context, *soak, *run, moment) (bool, error) {
	return func(ctx context.Context, _ *soak, r *run, m moment) (bool, error) {
		p, found, err := m.hunt(ctx, r, wanted)
		if !found || err != nil {
			return false, err
		}
		return signalled(p.pid, signal)
	}
}

// killParentOf kills the test binary when it has the child that is wanted.
func killParentOf(wanted func(process, []process) bool) func(context.Context, *soak, *run, moment) (bool, error) {
	return func(ctx context.Context, _ *soak, r *run, m moment) (bool, error) {
		p, found, err := m.hunt(ctx, r, wanted)
		if !found || err != nil {
			return false, err
		}
		return signalled(p.parent, unix.SIGKILL)
	}
}

// killGroup sends a signal to all of the run, as a terminal does.
func killGroup(signal unix.Signal) func(context.Context, *soak, *run, moment) (bool, error) {
	return func(ctx context.Context, _ *soak, r *run, m moment) (bool, error) {
		if !m.await(ctx, r) {
			return false, nil
		}
		return signalled(-r.command.Process.Pid, signal)
	}
}

// says waits for the end of a run that breaks by itself, and looks for the words.
func says(words string) func(context.Context, *soak, *run, moment) (bool, error) {
	return func(ctx context.Context, _ *soak, r *run, _ moment) (bool, error) {
		if err := r.end(ctx, patience); err != nil {
			return false, err
		}
		return strings.Contains(r.printed(), words), nil
	}
}

// stopUntilTimeout stops the test binary in the middle, so that its time-out is
// over when it goes on.
func stopUntilTimeout(ctx context.Context, _ *soak, r *run, m moment) (bool, error) {
	began := time.Now()
	if !m.await(ctx, r) {
		return false, nil
	}
	if stopped, err := signalled(r.command.Process.Pid, unix.SIGSTOP); !stopped || err != nil {
		return false, err
	}
	over := r.goesOn(ctx, timeout+time.Second-time.Since(began))
	if _, err := signalled(r.command.Process.Pid, unix.SIGCONT); !over || err != nil {
		return false, err
	}
	if err := r.end(ctx, patience); err != nil {
		return false, err
	}
	return strings.Contains(r.printed(), "test timed out after"), nil
}
