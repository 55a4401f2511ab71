package harness

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// counterFiles are the counters of a namespace. Such a file belongs to the
// namespace that it was opened in, and is read anew from its start.
type counterFiles struct{ files []*os.File }

// openCounters opens those of the namespace that the thread is in.
func openCounters() (*counterFiles, error) {
	c := &counterFiles{}
	for _, name := range []string{"snmp", "netstat"} {
		file, err := os.Open("/proc/thread-self/net/" + name)
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
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// read is the text of all of them.
func (c *counterFiles) read() (string, error) {
	var all strings.Builder
	for _, file := range c.files {
		text, err := readFromStart(file)
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

func readFromStart(file *os.File) (string, error) {
	const enough = 64 << 10
	buffer := make([]byte, enough)
	n, err := file.ReadAt(buffer, 0)
	if n == 0 {
		return "", err
	}
	return string(buffer[:n]), nil
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

// ExpectCounters fails unless the host's counters have moved by exactly this
// much since the lab's first connection was made, and the others of tcp.Counted
// not at all. A lab with one connection has nothing else to count.
func (h *Host) ExpectCounters(t testing.TB, want tcp.Counters) {
	t.Helper()
	h.expectCounters(t, want, tcp.Counted)
}

func (h *Host) expectCounters(t testing.TB, want tcp.Counters, names []string) {
	t.Helper()
	got, err := h.readCounters()
	if err != nil {
		t.Fatal(err)
	}
	got = moved(h.baseline, got)
	if wrong := miscounted(want, got, h.countable(h.excused(names))); wrong != "" {
		h.lab.fail(t, h.name+": "+wrong)
	}
}

// ExpectMoved is ExpectCounters for the named counters alone: those of a lab in
// which others depend on what is not at stake.
func (h *Host) ExpectMoved(t testing.TB, want tcp.Counters) {
	t.Helper()
	h.expectCounters(t, want, slices.Collect(maps.Keys(want)))
}

// excusable are the counters that this machine may be to blame for: with every
// processor busy an acknowledgement may take longer than the timer waits for it.
var excusable = []string{"TCPLossProbes", "RetransSegs", "TCPTimeouts", "TCPSynRetrans"}

// excused leaves those out if the process was held up for long, too, since the
// lab was made.
func (h *Host) excused(names []string) []string {
	const long = 100 * time.Millisecond
	late := overshoots.worst(h.lab.started, time.Now())
	if late < long {
		return names
	}
	h.lab.story.note(event{at: time.Now(), host: h, text: fmt.Sprintf("held up for %s: retransmissions are not counted", tcp.Text(late.Round(time.Millisecond)))})
	return without(names, excusable...)
}

// countable are those that this kernel has counted by now: an old one counts a
// minisocket only when it ends.
func (h *Host) countable(names []string) []string {
	if h.lab.kernel.version.CountsMinisocketsAtEnd() {
		return without(names, "TW", "TWKilled")
	}
	return names
}

func without(names []string, unwanted ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(unwanted, name) })
}

// miscounted says which of the named counters moved otherwise than wanted;
// empty if none did.
func miscounted(want, got tcp.Counters, names []string) string {
	var wrong []string
	for _, name := range names {
		if got[name] != want[name] {
			wrong = append(wrong, fmt.Sprintf("%s moved by %d, not %d", name, got[name], want[name]))
		}
	}
	return strings.Join(wrong, ", ")
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

// requireCounters fails the test when the counters of the host, in a lab with
// one connection, tell of another end than the one that was seen. A state that
// began later than the call that was measured before has only its own.
func (c *Conn) requireCounters(t testing.TB, v verdict) {
	t.Helper()
	if c.counters == nil || len(c.host.lab.connections()) > 2 {
		return
	}
	now, err := c.host.readCounters()
	if err != nil {
		t.Fatal(err)
	}
	by := moved(c.counters, now)
	wrong := "no end that was predicted then moves the counters at all"
	for _, end := range v.outcomes {
		if !end.Span.Overlaps(v.lasted) {
			continue
		}
		names := tcp.Counted
		if _, found := c.marked(v.window.Clock); !found && v.window.Clock != tcp.SYNCame {
			names = slices.Collect(maps.Keys(end.Counters))
		}
		if wrong = miscounted(end.Counters, by, names); wrong == "" {
			return
		}
	}
	c.fail(t, fmt.Sprintf("%s was reaped from %v, but %s", c.host.name, v.window.Ending.State, wrong))
}
