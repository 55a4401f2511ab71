package harness

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dieWithParent ends this process when a process that the run hangs on is
// gone: killing go test, make or sudo must not leave the run behind. A
// parent-death signal would not do: it is lost at a privilege wrapper, which
// outlives what called it.
func dieWithParent() error {
	called, err := callers(os.Getenv(calledBy))
	if err != nil {
		return err
	}
	var watched []unix.PollFd
	for _, pid := range append(called, lineage(os.Getpid(), readProcess)...) {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("process %d, which started this run, is gone", pid)
		}
		if err != nil {
			return fmt.Errorf("watching process %d, which started this run: %w", pid, err)
		}
		watched = append(watched, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if len(watched) == 0 {
		return nil
	}
	go func() {
		for {
			if _, err := unix.Poll(watched, -1); !errors.Is(err, unix.EINTR) {
				fmt.Fprintln(os.Stderr, "finwait: a process that started this run is gone; ending")
				os.Exit(1)
			}
		}
	}()
	return nil
}

// calledBy names the environment variable in which make and scripts/privileged
// leave their callers. One that was killed before this process began is no
// ancestor any more: what it had started has become init's.
const calledBy = "FINWAIT_CALLED_BY"

// callers reads the ids, with spaces between. Init is no part of any run.
func callers(text string) ([]int, error) {
	var pids []int
	for word := range strings.FieldsSeq(text) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("%s=%q: process ids with spaces between are needed", calledBy, text)
		}
		if pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// A process is what the lineage needs to know of one.
type process struct {
	name          string
	parent, group int
}

// lineage is the parent of a process and the ancestors of its job: those in
// one process group, across privilege wrappers, which start a group of their
// own. The shell that a person types into is in another group, and init no
// part of any run.
func lineage(pid int, read func(int) (process, error)) []int {
	var out []int
	child, err := read(pid)
	for err == nil && child.parent > 1 {
		var parent process
		if parent, err = read(child.parent); err != nil {
			break
		}
		if len(out) > 0 && parent.group != child.group && !wrapsPrivileges(child.name) {
			break
		}
		out = append(out, child.parent)
		child = parent
	}
	return out
}

func wrapsPrivileges(name string) bool { return name == "sudo" || name == "doas" || name == "su" }

// readProcess reads /proc/PID/stat. The name stands in parentheses and may
// hold any character.
func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("/proc/%d/stat: no name", pid)
	}
	p := process{name: string(text[open+1 : end])}
	var state string
	if _, err := fmt.Sscan(string(text[end+1:]), &state, &p.parent, &p.group); err != nil {
		return process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	return p, nil
}
