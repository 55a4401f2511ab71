package tcp

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// A course is the rule of a chain: one timer, armed again at each firing until
// a firing ends the socket.
type course struct {
	timer Timer
	// start is when the timer is armed first.
	start Span
	// interval is for how long it is armed behind so many firings.
	interval func(firings int) time.Duration
	// sinceFirst says that elapsed time counts from the first firing, not from
	// the clock.
	sinceFirst bool
	// limit is the elapsed time at which the firing ends the socket, at the
	// earliest and at the latest. It is asked once for each firing, in order.
	limit func(firing int, at Span) Span
	// userTimeout is what the elapsed time of the next firing is cut to, by
	// making the interval shorter, but no shorter than least; 0 cuts nothing.
	userTimeout, least time.Duration
	// mayLast says that there may be no end.
	mayLast bool
}

const forever = time.Duration(math.MaxInt64)

var (
	ends  = Span{0, 0}
	lives = Span{forever, forever}
)

// after is the limit of a budget that is measured exactly.
func after(budget time.Duration) Span { return Span{budget, budget} }

// A chain is one run of a course to the socket's end.
type chain struct {
	timer     Timer
	probe     time.Duration   // delay of the tail loss probe that goes first, 0 for none
	intervals []time.Duration // for how long the timer is armed
	deadlines []Span          // when it is due
	firings   []Span          // when it fires, to the latest end
	ends      []end           // the possible ends
	endless   bool            // there may be no end
}

type end struct {
	firing int // counted from 1
	span   Span
}

// longest is more firings than any count of retries allows: a chain that may
// last, and has not ended by then, does not end.
const longest = 300

// follow keeps the earliest and the latest time of every firing. A socket dies
// on a firing. Where lateness decides whether a firing ends it, both outcomes
// are followed.
func (m Model) follow(c course) chain {
	out := chain{timer: c.timer}
	elapsed, origin := c.start, Span{}
	for firing := 1; !c.mayLast || firing <= longest; firing++ {
		interval := c.interval(firing - 1)
		due := elapsed.plus(Span{interval, interval})
		if firing > 1 {
			due, interval = m.next(c, elapsed, interval)
			due = origin.plus(due)
		}
		at := m.delay(due.plus(Span{0, m.HZ.Lateness(interval)}))
		if firing == 1 && c.sinceFirst {
			origin = at
		}
		elapsed = Span{at.Min - origin.Min, at.Max - origin.Max}
		out.deadlines = append(out.deadlines, due)
		out.firings = append(out.firings, at)
		out.intervals = append(out.intervals, interval)
		limit := c.limit(firing, at)
		if elapsed.Max >= limit.Min {
			out.ends = append(out.ends, end{firing, Span{origin.Min + max(elapsed.Min, limit.Min), at.Max}})
		}
		if elapsed.Min >= limit.Max {
			return out
		}
		elapsed.Max = min(elapsed.Max, limit.Max)
	}
	out.endless = true
	out.deadlines, out.firings, out.intervals = out.deadlines[:out.last()], out.firings[:out.last()], out.intervals[:out.last()]
	return out
}

// last is the number of the firing that may end the socket the latest, 0 if
// none may.
func (c chain) last() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1].firing
}

// next is the elapsed time for which the timer is armed at a moment of the span
// armed, and how long that is at the most. With a user timeout the interval is
// cut to what remains of it (tcp_clamp_rto_to_user_timeout and
// tcp_clamp_probe0_to_user_timeout, net/ipv4/tcp_timer.c, Linux 5.10 to 7.3).
func (m Model) next(c course, armed Span, interval time.Duration) (Span, time.Duration) {
	if c.userTimeout == 0 {
		return Span{armed.Min + interval, armed.Max + interval}, interval
	}
	due := Span{
		min(armed.Min+interval, max(c.userTimeout, armed.Min+c.least)),
		min(armed.Max+interval, max(c.userTimeout, armed.Max)+c.least),
	}
	return due, min(interval, max(m.HZ.Ceil(c.userTimeout-armed.Min), c.least))
}

// fill writes the chain into a window. count gives the counters that have moved
// when the firing of that number ended the socket.
func (c chain) fill(w *Window, count func(firing int) Counters) {
	w.Chain, w.Probe = c.timer, c.probe
	w.Deadlines, w.Firings, w.Intervals = c.deadlines, c.firings, c.intervals
	w.Outcomes = c.outcomes(count)
	w.Spans = merge(w.Outcomes)
	w.Calculation = c.text()
}

// merge joins the spans of ends that overlap.
func merge(outcomes []Outcome) Spans {
	var spans Spans
	for _, outcome := range outcomes {
		spans = spans.add(outcome.Span)
	}
	return spans
}

// text is the sum behind the earliest end: the probe, then the intervals.
func (c chain) text() string {
	if len(c.ends) == 0 {
		return ""
	}
	text := sumText(c.intervals[:c.ends[0].firing])
	if c.probe > 0 {
		text = Text(c.probe) + " tail loss probe + " + text
	}
	switch extra := c.last() - c.ends[0].firing; {
	case extra == 1:
		text += ", or one timeout more: lateness decides"
	case extra > 1:
		text += fmt.Sprintf(", or up to %d timeouts more: lateness decides", extra)
	}
	if c.endless {
		text += ", or never: lateness decides"
	}
	return text
}

// sumText writes a sum of intervals: those that double as multiples of the
// first, those that repeat as a product.
func sumText(intervals []time.Duration) string {
	var terms, factors []string
	first := max(intervals[0], 1)
	flush := func() {
		switch {
		case len(factors) == 1:
			terms = append(terms, Text(intervals[0])) // nothing doubled
			factors = nil
		case len(factors) > 1:
			terms = append(terms, fmt.Sprintf("%s × (%s)", Text(intervals[0]), strings.Join(factors, "+")))
			factors = nil
		}
	}
	for i, n := 0, 0; i < len(intervals); i += n {
		n = repeats(intervals[i:])
		multiple := int64(intervals[i] / first)
		switch {
		case n > 1:
			flush()
			terms = append(terms, fmt.Sprintf("%d × %s", n, Text(intervals[i])))
		case intervals[i]%first == 0 && bits.OnesCount64(uint64(multiple)) == 1 && len(intervals) > 1:
			factors = append(factors, fmt.Sprint(multiple))
		default:
			flush()
			terms = append(terms, Text(intervals[i]))
		}
	}
	flush()
	return strings.Join(terms, " + ")
}

// repeats is how often the first of the intervals comes in a row.
func repeats(intervals []time.Duration) int {
	n := 1
	for n < len(intervals) && intervals[n] == intervals[0] {
		n++
	}
	return n
}
