package harness

import (
	"fmt"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// outcome is a verdict in a word.
type outcome string

// Outcomes that pass.
const (
	reaped     outcome = "reaped in its window"
	armed      outcome = "armed"
	onSchedule outcome = "on schedule"
	forEver    outcome = "for ever as it should"
	closed     outcome = "ended by its peer"
	passing    outcome = "not held, as it should" // a control
	deviating  outcome = "deviating as known"
)

// Outcomes that fail.
const (
	early        outcome = "early"
	late         outcome = "late"
	offSchedule  outcome = "off schedule"
	inconclusive outcome = "inconclusive"
)

// A verdict is what an expectation found.
type verdict struct {
	outcome outcome
	conn    string // client or server
	window  tcp.Window
	// allowed is the window with the lateness of the machine.
	allowed tcp.Window
	// seen is what was judged.
	seen observation
	// start is when the clock of the window started.
	start between
	// lasted encloses how long the state lasted, or did when the watch ended;
	// over says which.
	lasted tcp.Span
	over   bool
	// detail says more: how far a chain has come, what does not fit.
	detail string
	// matches are the rivals whose windows the end lies in.
	matches []tcp.Rival
	// outcomes are the ends that the window allows, given how late the machine
	// was.
	outcomes []tcp.Outcome
	// late is the overshoot that the window was given on its late side.
	late time.Duration
	// rto is the retransmission timeout before; zero if nothing was measured.
	rto time.Duration
}

func (v verdict) passed() bool {
	switch v.outcome {
	case early, late, offSchedule, inconclusive:
		return false
	}
	return true
}

// judge compares an observation with a window. The second window allows for
// the lateness of the machine; the first says which rivals can be told apart
// at all. A state is watched for watch at the most: an end that was predicted
// within must have been seen.
func judge(ideal, allowed tcp.Window, o observation, watch, tick time.Duration) verdict {
	v := verdict{window: ideal, lasted: o.lasted, over: o.over}
	switch {
	case allowed.Never():
		v.outcome = forEver
		v.detail = neverArmed(allowed, o)
	case o.over && !allowed.Spans.Overlaps(tcp.Span{Min: o.lasted.Min, Max: o.lasted.Max + o.behind}):
		v.outcome = early
		if o.lasted.Min > allowed.Max() {
			v.outcome = late
		}
		if v.matches = matching(allowed.Rivals, o, tick); len(v.matches) == 0 {
			v.matches = alike(allowed.Rivals, o)
		}
		return v
	case !o.over && (o.lasted.Min > allowed.Max() || ideal.Max() <= watch):
		v.outcome = late
		return v
	case o.over:
		told, _ := ideal.Distinct()
		v.matches = matching(only(allowed.Rivals, told), o, tick)
		v.outcome, v.detail = reaped, joined(misfit(allowed, o, tick), overdue(ideal, allowed, o, tick))
		if v.detail == "" && len(v.matches) > 0 {
			v.outcome = inconclusive
			return v
		}
	case len(allowed.Phases) > 0:
		v.outcome = armed
		v.detail = misfit(allowed, o, tick)
	case allowed.Answered:
		v.outcome, v.detail = inconclusive, "cut short: the peer's answers set the count of probes back"
		return v
	default:
		v.outcome = onSchedule
		v.detail = misfit(allowed, o, tick)
	}
	if o.over && !allowed.Never() && !ideal.Spans.Overlaps(o.lasted) {
		v.window.Spans = allowed.Spans // lateness decided: show the window that it gave
	}
	if v.detail != "" {
		v.outcome = offSchedule
	} else if v.outcome == onSchedule {
		v.detail = fmt.Sprintf("retry %d of %d", o.steps[len(o.steps)-1].retrans, len(ideal.Firings)-1)
	}
	return v
}

// matching are the rivals that explain the observation too: the end lies in
// their window and the timers fit.
func matching(rivals []tcp.Rival, o observation, tick time.Duration) (out []tcp.Rival) {
	for _, rival := range rivals {
		if rival.Window.Spans.Overlaps(o.lasted) && misfit(rival.Window, o, tick) == "" {
			out = append(out, rival)
		}
	}
	return out
}

// alike are the rivals that end when the observation does and by the same timer,
// though not every timer on the way fits: on a busy machine that is a matter of
// milliseconds.
func alike(rivals []tcp.Rival, o observation) (out []tcp.Rival) {
	for _, rival := range rivals {
		if rival.Window.Spans.Overlaps(o.lasted) && rival.Window.Chain == o.steps[len(o.steps)-1].timer {
			out = append(out, rival)
		}
	}
	return out
}

// only keeps the rivals that are named in names.
func only(rivals, names []tcp.Rival) (out []tcp.Rival) {
	for _, rival := range rivals {
		for _, name := range names {
			if rival.Name == name.Name {
				out = append(out, rival)
			}
		}
	}
	return out
}

// neverArmed says which timer holds a state that none should.
func neverArmed(w tcp.Window, o observation) string {
	if last := o.steps[len(o.steps)-1]; last.timer != tcp.TimerNone && last.timer != w.Chain {
		return fmt.Sprintf("held by the %v, where no timer should hold it", last.timer)
	}
	if o.over {
		return ended
	}
	return ""
}

// ended is what does not fit where a state was to last for ever, and no timer ended it.
const ended = "it ended"
