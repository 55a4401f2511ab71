package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A host is what a run could have changed: a value by what it is the value of.
type host map[string]string

// look looks at the host: links with their addresses, named namespaces, mounts,
// which would also pin a namespace, iptables rules, sysctls and files.
func (s *soak) look() (host, error) {
	h := host{}
	for what, look := range map[string]func(host) error{
		"links": lookAtLinks, "mounts": lookAtMounts, "rules": lookAtRules, "sysctls": lookAtSysctls, "files": s.lookAtFiles,
	} {
		if err := look(h); err != nil {
			return nil, fmt.Errorf("looking at the host's %s: %w", what, err)
		}
	}
	return h, nil
}

// differs lists what is other than it was, sorted.
func (h host) differs(now host) []string {
	var lines []string
	for what, value := range now {
		switch was, known := h[what]; {
		case !known && strings.HasPrefix(what, "sysctl "): // of a module that was loaded, or of a link
		case !known:
			lines = append(lines, strings.TrimSpace(what+" "+value))
		case was != value:
			lines = append(lines, fmt.Sprintf("%s: %s, was %s", what, value, was))
		}
	}
	for what := range maps.Keys(h) {
		if _, still := now[what]; !still {
			lines = append(lines, what+" is gone")
		}
	}
	slices.Sort(lines)
	return lines
}

func lookAtLinks(h host) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, link := range links {
		addrs, err := link.Addrs()
		if err != nil {
			return err
		}
		h["link "+link.Name] = fmt.Sprint(link.Index, link.MTU, link.HardwareAddr, link.Flags, addrs)
	}
	return nil
}

// lookAtMounts takes the mount point and what is mounted, not the numbers.
func lookAtMounts(h host) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 5 {
			h["mount on "+fields[4]+" of "+fields[3]] = fields[5]
		}
	}
	return err
}

// counters of chains count the host's own traffic.
var counters = regexp.MustCompile(`(?m)^#.*\n| \[\d+:\d+\]`)

func lookAtRules(h host) error {
	for _, name := range []string{"iptables-save", "ip6tables-save"} {
		path, err := exec.LookPath(name)
		if err != nil {
			path = "/usr/sbin/" + name
		}
		out, err := exec.Command(path).Output()
		if err != nil {
			return err
		}
		h["rules of "+name] = counters.ReplaceAllString(string(out), "")
	}
	return nil
}

// unsteady are sysctls that change by themselves.
var unsteady = []string{"nf_conntrack_count"}

// lookAtSysctls reads those of the network; some can only be written, or hold a
// secret that was never set.
func lookAtSysctls(h host) error {
	return filepath.WalkDir("/proc/sys/net", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(unsteady, entry.Name()) {
			return unlessGone(err)
		}
		if value, err := os.ReadFile(path); err == nil {
			h["sysctl "+path] = strings.TrimSpace(string(value))
		}
		return nil
	})
}

// lookAtFiles lists those of the module, of the runs' TMPDIR, and where programs
// keep locks and named namespaces. Go's build directories are its own, which go
// test cannot remove when it is killed.
func (s *soak) lookAtFiles(h host) error {
	for _, dir := range []string{s.root, s.temporary, "/run/netns", "/dev/shm"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return unlessGone(err)
			case entry.Name() == ".git", filepath.Dir(path) == s.temporary && strings.HasPrefix(entry.Name(), "go-build"):
				return skip(entry)
			}
			h["file "+path] = ""
			return nil
		})
		if err != nil {
			return err
		}
	}
	return lookAtLocks(h)
}

// lookAtLocks lists the top of /run, where iptables would have its lock.
func lookAtLocks(h host) error {
	entries, err := os.ReadDir("/run")
	for _, entry := range entries {
		h["file /run/"+entry.Name()] = ""
	}
	return unlessGone(err)
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
