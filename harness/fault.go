package harness

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Direction narrows a freeze to one way.
type Direction string

// The directions, as seen from the frozen host.
const (
	In  Direction = "in"
	Out Direction = "out"
	// Probes is what comes in without data: acknowledgements, and probes of a
	// closed receive window.
	Probes Direction = "in, without data"
)

// emptySegment is the greatest length of an IP packet whose segment has a
// timestamp and nothing else.
var emptySegment = map[Family]int{IPv4: 20 + 20 + 12, IPv6: 40 + 20 + 12}

// Fault is a freeze in force or healed.
type Fault struct {
	host  *Host
	only  Direction // "" for both
	what  string
	begin time.Time
	end   time.Time // zero while in force
	// hits is the number of packets dropped, once it was counted for good: when
	// the fault was healed, or when the case was over.
	hits    uint64
	counted bool
}

// rule is the fault as iptables is told it.
func (f *Fault) rule() []string {
	rule := []string{"-p", "tcp", "-j", "DROP"}
	switch f.only {
	case In:
		rule = append(rule, "-i", link)
	case Out:
		rule = append(rule, "-o", link)
	case Probes:
		rule = append(rule, "-i", link, "-m", "length", "--length", fmt.Sprintf("0:%d", emptySegment[f.host.lab.Family]))
	}
	return rule
}

// Freeze drops every TCP segment that goes into the host or out of it, or only
// those of one direction. To its peer the host looks like a paused machine;
// unlike one, its own timers go on. Neighbour discovery still passes.
//
// A freeze that has dropped nothing by the end of the case fails it: nothing
// was tested.
func (h *Host) Freeze(t testing.TB, only ...Direction) *Fault {
	t.Helper()
	fault, err := h.freeze(only)
	if err != nil {
		t.Fatal(err)
	}
	return fault
}

func (h *Host) freeze(only []Direction) (*Fault, error) {
	fault := &Fault{host: h, what: "frozen (DROP in and out)"}
	if len(only) > 0 {
		fault.only, fault.what = only[0], fmt.Sprintf("frozen (DROP %s)", only[0])
	}
	if err := inTurn(func() (err error) {
		if h.chain == nil {
			h.chain, err = prepareChain(h, fault)
			return err
		}
		return h.chain.add(fault)
	}); err != nil {
		return nil, fmt.Errorf("freezing the %s: %w", h.name, err)
	}
	fault.begin = time.Now()
	h.lab.faults = append(h.lab.faults, fault)
	h.lab.kick()
	return fault, nil
}

// Heal ends the fault; healing twice does nothing.
func (f *Fault) Heal(t testing.TB) {
	t.Helper()
	if err := f.heal(); err != nil {
		t.Fatal(err)
	}
}

func (f *Fault) heal() error {
	if !f.end.IsZero() {
		return nil
	}
	hits, uncounted := f.count()
	if err := inTurn(func() error { return f.host.chain.remove(f) }); err != nil {
		return errors.Join(uncounted, fmt.Errorf("healing the %s: %w", f.host.name, err))
	}
	f.hits, f.counted, f.end = hits, uncounted == nil, time.Now()
	f.host.lab.kick()
	return uncounted
}

// catches reports whether the fault dropped the segment, which arrived at its
// host at the moment.
func (f *Fault) catches(s Segment, arrived time.Time) bool {
	if arrived.Before(f.begin) || !f.end.IsZero() && arrived.After(f.end) {
		return false
	}
	switch f.only {
	case Out:
		return false
	case Probes:
		return s.Len == 0 && !s.Flags.Has(SYN)
	}
	return true
}

// count is the number of packets dropped so far.
func (f *Fault) count() (uint64, error) {
	if f.counted {
		return f.hits, nil
	}
	var hits uint64
	err := inTurn(func() (err error) {
		hits, err = f.host.chain.hits(f)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting what the freeze of the %s dropped: %w", f.host.name, err)
	}
	return hits, nil
}

// requireHits counts for good what the fault has dropped, and fails the test if
// that is nothing, though something was due to be sent.
func (f *Fault) requireHits(t testing.TB) {
	t.Helper()
	hits, err := f.count()
	if err != nil {
		t.Error(err)
		return
	}
	f.hits, f.counted = hits, true
	if hits == 0 && !f.host.lab.cutBeforeSending() {
		f.host.lab.reason = fmt.Sprintf("the freeze of the %s dropped no packet: nothing was tested", f.host.name)
		t.Errorf("%s\n%s", f.host.lab.reason, f.host.lab.tell())
	}
}

// cutBeforeSending reports whether the watch of a chain was cut short before its first
// timer, so that a fault had nothing to drop: the armed deadline was judged alone.
func (lab *Lab) cutBeforeSending() bool {
	return slices.ContainsFunc(lab.verdicts, func(v verdict) bool {
		return v.outcome == onSchedule && len(v.window.Firings) > 0 && v.lasted.Max < v.window.Firings[0].Min
	})
}

// describe is a line for a failure.
func (f *Fault) describe(since time.Time) string {
	hits, err := f.count()
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%s %s at %s", f.host.name, f.what, clock(f.begin, since))
	if !f.end.IsZero() {
		text += ", healed at " + clock(f.end, since)
	}
	return fmt.Sprintf("%s, %d packets dropped", text, hits)
}
