package harness

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// possessions are what a process holds, each a line for a reader, by a key that
// stays the same for as long as it is the same thing. Network namespaces are no
// entries of their own: descriptors, threads and children hold them. One that
// the kernel holds for an orphan cannot be seen.
type possessions map[string]string

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

// listThreads lists those in another network namespace than the process's. A
// link that may not be read is that of a thread that has ended since it was
// opened (proc_ns_readlink in fs/proc/namespaces.c, Linux 6.18: EACCES is also
// the answer for a task that is gone): a process may always read those of its
// own threads (__ptrace_may_access in kernel/ptrace.c: same_thread_group).
func listThreads(held possessions, home string) error {
	return eachOf("/proc/self/task", func(path, id string) error {
		namespace, err := os.Readlink(filepath.Join(path, "ns", "net"))
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
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
// own are not in a dump; the one that hands out signals, once somebody has asked
// for them, is (loop in os/signal/signal_unix.go, Go 1.26), and stays.
func listGoroutines(held possessions, stacks string) {
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		lines := strings.Split(strings.TrimSpace(stack), "\n")
		head, state, is := strings.Cut(lines[0], " [")
		if !is || len(lines) < 2 || function(lines[1]) == "os/signal.signal_recv" {
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
