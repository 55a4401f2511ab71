package harness

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

const (
	// leakPatience is how long what ends by itself may take to do so: goroutines
	// that were told to, threads that left a namespace, the pause of admission.
	leakPatience = 5 * time.Second
	// leakPace is how often is looked meanwhile: nothing tells when a thread ends.
	leakPace = 20 * time.Millisecond
)

// possessions are what a process holds, each a line for a reader, by a key that
// stays the same for as long as it is the same thing. Network namespaces are no
// entries of their own: descriptors, threads and children hold them. One that
// the kernel holds for an orphan cannot be seen.
type possessions map[string]string

// A leakCheck compares the process with what it was before the first lab.
type leakCheck struct {
	before  possessions
	threads int
}

// newLeakCheck looks at the process. What it keeps by design, once and for its
// life, is made before: the probes of overshoot, the lock of iptables, and with
// its first program what Go's runtime polls with. That these cannot be made is
// told by missing, which asks for the same.
func newLeakCheck() (*leakCheck, error) {
	if probeOvershoot() == nil {
		_, _ = findTools()
	}
	before, err := look()
	if err != nil {
		return nil, err
	}
	threads, err := countThreads()
	return &leakCheck{before, threads}, err
}

// left lists what is held that was not before the first lab.
func (c *leakCheck) left() ([]string, error) {
	now, err := look()
	if err != nil {
		return nil, err
	}
	if left := c.before.newIn(now); len(left) > 0 {
		return left, nil
	}
	return c.surplus()
}

// awaitNone waits until the list is empty, and is what it was when time was up.
func awaitNone(list func() ([]string, error), patience time.Duration) ([]string, error) {
	deadline := time.Now().Add(patience)
	pace := time.NewTicker(leakPace)
	defer pace.Stop()
	for {
		left, err := list()
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
		<-pace.C
	}
}

// end tells what is left, and turns the exit code of the suite into a failure if
// anything is.
func (c *leakCheck) end(code int, patience time.Duration, out io.Writer) int {
	left, err := awaitNone(c.left, patience)
	switch {
	case err != nil:
		fmt.Fprintln(out, "finwait:", err)
	case len(left) > 0:
		fmt.Fprintf(out, "finwait: left behind, %s after the last test:\n  %s\n", tcp.Text(patience), strings.Join(left, "\n  "))
	default:
		return code
	}
	return max(code, 1)
}

// surplus tells of more threads than Go may keep idle. One that works does so
// for a goroutine, which is found as such; Go ends none that is idle, so that
// there are as many as once had to work at the same time: one for each P, and
// one in a system call for each lab.
func (c *leakCheck) surplus() ([]string, error) {
	now, err := countThreads()
	if most := c.threads + runtime.GOMAXPROCS(0) + parallel(); err == nil && now > most {
		return []string{fmt.Sprintf("%d threads, %d before the first lab: Go needs no more than %d", now, c.threads, most)}, nil
	}
	return nil, err
}

// countThreads is the number of threads of the process.
func countThreads() (int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, fmt.Errorf("counting threads: %w", err)
	}
	return len(tasks), nil
}

// look lists descriptors, threads in another network namespace, goroutines and
// children.
func look() (possessions, error) {
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("looking for leaks: %w", err)
	}
	held := possessions{}
	for _, list := range []func(possessions, string) error{listDescriptors, listThreads, listChildren} {
		if err := list(held, home); err != nil {
			return nil, fmt.Errorf("looking for leaks: %w", err)
		}
	}
	listGoroutines(held, allStacks())
	return held, nil
}

// newIn lists what is held now and was not before, sorted.
func (before possessions) newIn(now possessions) []string {
	var lines []string
	for key, line := range now {
		if _, known := before[key]; !known {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// listDescriptors lists those open, and which of them hold another network
// namespace.
func listDescriptors(held possessions, home string) error {
	return eachOf("/proc/self/fd", func(path, number string) error {
		target, err := os.Readlink(path)
		if err != nil || profiles(target) {
			return err
		}
		line := fmt.Sprintf("descriptor %s: %s", number, target)
		if namespace := namespaceOfSocket(number, target); namespace != "" && namespace != home {
			line += ", a socket in network namespace " + namespace
		}
		held["descriptor "+number+" "+target] = line
		return nil
	})
}

// namespaceOfSocket asks which network namespace a socket is in; empty for what
// is no socket or cannot be told, as for one of another user namespace.
func namespaceOfSocket(number, target string) string {
	var fd int
	if _, err := fmt.Sscan(number, &fd); err != nil || !strings.HasPrefix(target, "socket:") {
		return ""
	}
	namespace, err := unix.IoctlRetInt(fd, unix.SIOCGSKNS)
	if err != nil {
		return ""
	}
	defer unix.Close(namespace)
	var stat unix.Stat_t
	if err := unix.Fstat(namespace, &stat); err != nil {
		return ""
	}
	return fmt.Sprintf("net:[%d]", stat.Ino)
}

// profiles reports whether the file is one that go test writes a profile into
// and leaves for the garbage collector to close (before in testing/testing.go,
// Go 1.26).
func profiles(target string) bool {
	for _, name := range []string{"test.cpuprofile", "test.trace"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" && filepath.Base(f.Value.String()) == filepath.Base(target) {
			return true
		}
	}
	return false
}

// listThreads lists those in another network namespace than the process's.
func listThreads(held possessions, home string) error {
	return eachOf("/proc/self/task", func(path, id string) error {
		namespace, err := os.Readlink(filepath.Join(path, "ns", "net"))
		if err == nil && namespace != home {
			held["thread "+id+" "+namespace] = fmt.Sprintf("thread %s: in network namespace %s", id, namespace)
		}
		return err
	})
}

// listChildren lists the processes that this one has started and not waited for.
func listChildren(held possessions, home string) error {
	pids, err := processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		child, err := readProcess(pid)
		if err != nil && !gone(err) {
			return err
		}
		if err != nil || child.parent != os.Getpid() {
			continue
		}
		line := fmt.Sprintf("child %d: %s", pid, command(pid, child.name))
		if namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err == nil && namespace != home {
			line += ", in network namespace " + namespace
		}
		held[fmt.Sprintf("child %d", pid)] = line
	}
	return nil
}

// command is a process's command line; its name where there is none any more.
func command(pid int, name string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(text) == 0 {
		return name + " (ended, and was not waited for)"
	}
	return strings.Join(strings.Split(strings.TrimRight(string(text), "\x00"), "\x00"), " ")
}

// listGoroutines lists those of a dump of all stacks: what each waits for, the
// function that it is in and the one that started it. Those of the runtime's
// own are not in a dump.
func listGoroutines(held possessions, stacks string) {
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		lines := strings.Split(strings.TrimSpace(stack), "\n")
		head, state, is := strings.Cut(lines[0], " [")
		if !is || len(lines) < 2 {
			continue
		}
		line := fmt.Sprintf("%s: in %s (%s)", head, function(lines[1]), strings.TrimSuffix(state, "]:"))
		for _, frame := range lines {
			if starter, created := strings.CutPrefix(frame, "created by "); created {
				starter, _, _ = strings.Cut(starter, " in goroutine")
				line += ", started by " + starter
			}
		}
		held[head] = line
	}
}

// function is the name in a frame, without arguments.
func function(frame string) string {
	if end := strings.LastIndexByte(frame, '('); end > 0 {
		return frame[:end]
	}
	return frame
}

// allStacks is the dump.
func allStacks() string {
	for size := 1 << 20; ; size *= 2 {
		text := make([]byte, size)
		if n := runtime.Stack(text, true); n < size {
			return string(text[:n])
		}
	}
}

// eachOf calls f with every entry of a directory of /proc; one that is gone
// meanwhile is none.
func eachOf(dir string, f func(path, name string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := f(filepath.Join(dir, entry.Name()), entry.Name()); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// gone reports whether the error says that a process, thread or descriptor has
// ended.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }
