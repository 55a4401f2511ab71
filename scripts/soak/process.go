package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A process is one of a run.
type process struct {
	pid, parent int
	name        string
	zombie      bool
	args        []string
}

func (p process) String() string {
	command := strings.Join(p.args, " ")
	if command == "" {
		command = p.name
	}
	return fmt.Sprintf("process %d: %.120s", p.pid, command)
}

// descendants are the processes below this one, parents before their children.
// What ends while they are read is none.
func descendants() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	below := map[int][]process{}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if p, alive := readProcess(pid); alive {
				below[p.parent] = append(below[p.parent], p)
			}
		}
	}
	var found []process
	for next := []int{os.Getpid()}; len(next) > 0; next = next[1:] {
		for _, child := range below[next[0]] {
			child.args = readArgs(child.pid)
			found = append(found, child)
			next = append(next, child.pid)
		}
	}
	return found, nil
}

// readProcess reads /proc/PID/stat, where the name stands in parentheses and may
// hold any character.
func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	open, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[end+1:]))
	if open < 0 || len(fields) < 2 {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid: pid, parent: parent, name: string(stat[open+1 : end]), zombie: fields[0] == "Z"}, err == nil
}

// readArgs reads the command line; none where there is none any more.
func readArgs(pid int) []string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(line) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}

// below are the processes of a tree with the given process at its top.
func below(all []process, top int) []process {
	in := map[int]bool{top: true}
	var found []process
	for _, p := range all { // parents come first
		if in[p.pid] || in[p.parent] {
			in[p.pid] = true
			found = append(found, p)
		}
	}
	return found
}

// find is the first process of the run that is wanted.
func (r *run) find(wanted func(process, []process) bool) (process, bool, error) {
	all, err := descendants()
	if err != nil {
		return process{}, false, err
	}
	tree := below(all, r.command.Process.Pid)
	i := slices.IndexFunc(tree, func(p process) bool { return !p.zombie && wanted(p, tree) })
	if i < 0 {
		return process{}, false, nil
	}
	return tree[i], true, nil
}

// reap waits for what became a child of this process when its parent ended.
func reap(runs []*run) error {
	all, err := descendants()
	for _, p := range all {
		leads := slices.ContainsFunc(runs, func(r *run) bool { return r.command.Process.Pid == p.pid })
		if p.zombie && p.parent == os.Getpid() && !leads {
			_, waitErr := unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
			err = errors.Join(err, waitErr)
		}
	}
	return err
}

// signalled sends a signal; false if the process was gone.
func signalled(pid int, signal unix.Signal) (bool, error) {
	err := unix.Kill(pid, signal)
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	return err == nil, err
}
