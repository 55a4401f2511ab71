package harness

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/finwait/finwait/harness/tcp"
)

// counterFiles are the counters of a namespace. Such a file belongs to the
// namespace that it was opened in, and is read anew from its start.
type counterFiles struct{ files []kernelFile }

// longestCounters is more than either of them has bytes.
const longestCounters = 64 << 10

// openCounters opens those of the namespace that the thread is in.
func openCounters() (*counterFiles, error) {
	c := &counterFiles{}
	for _, name := range []string{"snmp", "netstat"} {
		file, err := openKernelFile("/proc/thread-self/net/" + name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening the counters: %w", err), c.close())
		}
		c.files = append(c.files, file)
	}
	return c, nil
}

func (c *counterFiles) close() error {
	var errs []error
	for _, file := range c.files {
		errs = append(errs, file.close())
	}
	return errors.Join(errs...)
}

// read is the text of all of them.
func (c *counterFiles) read() (string, error) {
	var all strings.Builder
	buffer := make([]byte, longestCounters)
	for _, file := range c.files {
		text, err := file.read(buffer)
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// readCounters reads those of tcp.Counted.
func (h *Host) readCounters() (tcp.Counters, error) {
	text, err := h.counters.read()
	if err == nil {
		var counters tcp.Counters
		if counters, err = parseCounters(text); err == nil {
			return counters, nil
		}
	}
	return nil, fmt.Errorf("reading the counters of the %s: %w", h.name, err)
}

// parseCounters reads those of tcp.Counted.
func parseCounters(text string) (tcp.Counters, error) {
	all, err := parseAllCounters(text)
	counters := tcp.Counters{}
	for _, name := range tcp.Counted {
		for _, prefix := range []string{"Tcp:", "TcpExt:"} {
			if value, found := all[prefix+name]; found {
				counters[name] = value
			}
		}
	}
	return counters, err
}

// parseAllCounters reads pairs of lines, one of names, one of values (proc(5),
// /proc/net/snmp and netstat). Each is named after its line, too:
// "TcpExt:TCPTimeouts".
func parseAllCounters(text string) (map[string]int, error) {
	counters := map[string]int{}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := 0; i < len(lines); i += 2 {
		if i+1 == len(lines) {
			return nil, fmt.Errorf("line %d has no values behind it", i+1)
		}
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if len(names) != len(values) || len(names) == 0 || names[0] != values[0] {
			return nil, fmt.Errorf("line %d does not match the line before", i+2)
		}
		for n, name := range names[1:] {
			value, err := strconv.Atoi(values[n+1])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+2, err)
			}
			counters[names[0]+name] = value
		}
	}
	return counters, nil
}

// countFromHere notes what both hosts have counted when the first connection of
// the lab is made: a handshake on a busy machine may take a SYN more.
func (lab *Lab) countFromHere() error {
	for _, host := range lab.hosts() {
		if host.baseline != nil {
			continue
		}
		var err error
		if host.baselineText, err = host.counters.read(); err == nil {
			host.baseline, err = parseCounters(host.baselineText)
		}
		if err != nil {
			return fmt.Errorf("reading the counters of the %s: %w", host.name, err)
		}
	}
	return nil
}

// moved subtracts earlier counters.
func moved(earlier, now tcp.Counters) tcp.Counters {
	by := tcp.Counters{}
	for name, value := range now {
		by[name] = value - earlier[name]
	}
	return by
}
