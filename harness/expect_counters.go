package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

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
	c.failf(t, "%s was reaped from %v, but %s", c.host.name, v.window.Ending.State, wrong)
}
