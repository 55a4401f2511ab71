package harness

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/finwait/finwait/harness/tcp"
)

// counterFiles are the counters of a namespace. Such a file belongs to the
// namespace that it was opened in, and is read anew from its start.
type counterFiles struct{ files []kernelFile }

// longestCounters is more than either of them has bytes.
const longestCounters = 64 << 10

// counterBuffers are used again: a lab reads its counters some ten times.
var counterBuffers = sync.Pool{New: func() any { return new([longestCounters]byte) }}

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
	buffer := counterBuffers.Get().(*[longestCounters]byte)
	defer counterBuffers.Put(buffer)
	for _, file := range c.files {
		text, err := file.read(buffer[:])
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
	counters := tcp.Counters{}
	err := eachCounter(text, func(line, name string, value int) {
		if (line == "Tcp:" || line == "TcpExt:") && slices.Contains(tcp.Counted, name) {
			counters[name] = value
		}
	})
	return counters, err
}

// parseAllCounters reads all. Each is named after its line, too: "TcpExt:TCPTimeouts".
func parseAllCounters(text string) (map[string]int, error) {
	counters := map[string]int{}
	if err := eachCounter(text, func(line, name string, value int) { counters[line+name] = value }); err != nil {
		return nil, err
	}
	return counters, nil
}

// eachCounter reads pairs of lines, one of names, one of values, behind the name of the
// line (proc(5), /proc/net/snmp and netstat).
func eachCounter(text string, f func(line, name string, value int)) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := 0; i < len(lines); i += 2 {
		if i+1 == len(lines) {
			return fmt.Errorf("line %d has no values behind it", i+1)
		}
		line, names, _ := strings.Cut(lines[i], " ")
		same, values, _ := strings.Cut(lines[i+1], " ")
		for line == same && names != "" && values != "" {
			var name, number string
			name, names, _ = strings.Cut(names, " ")
			number, values, _ = strings.Cut(values, " ")
			value, err := strconv.Atoi(number)
			if err != nil {
				return fmt.Errorf("line %d: %w", i+2, err)
			}
			f(line, name, value)
		}
		if line == "" || line != same || names != values {
			return fmt.Errorf("line %d does not match the line before", i+2)
		}
	}
	return nil
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
