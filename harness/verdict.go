package harness

import (
	"fmt"
	"strings"
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
	// lasted encloses how long the state lasted, or did when the watch ended;
	// over says which.
	lasted tcp.Span
	over   bool
	// detail says more: how far a chain has come, what does not fit.
	detail string
	// matches are the rivals whose windows the end lies in.
	matches []tcp.Rival
	// late is the overshoot that the window was given on its late side.
	late time.Duration
}

func (v verdict) passed() bool {
	switch v.outcome {
	case early, late, offSchedule, inconclusive:
		return false
	}
	return true
}

// An observation is a spell as the judge sees it: spans since the clock of the
// window started.
type observation struct {
	over   bool
	lasted tcp.Span
	steps  []step
}

// A step is a stage of the observation.
type step struct {
	timer   tcp.Timer
	retrans int
	began   tcp.Span
	due     []tcp.Span // the deadlines that the timer was given
}

// observe counts a spell from the start of its clock.
//
// A look may fall between two timers. sock_diag reads without the socket's
// lock, and the kernel clears the timer that fires before it arms the next
// (tcp_write_timer_handler in net/ipv4/tcp_timer.c), and shows FIN_WAIT_2 on the
// full socket before the minisocket takes over (tcp_rcv_state_process in
// net/ipv4/tcp_input.c, both Linux 5.10 to 7.3). Such a look is no step of its
// own: a timer that was really missing shows in the deadlines that follow.
func observe(s spell, start between) observation {
	o := observation{over: s.over()}
	end := s.ended
	if !o.over {
		end = between{s.last, s.last}
	}
	o.lasted = end.since(start)
	var began *between
	for i, stage := range s.stages {
		if began == nil {
			began = &between{stage.began.from, stage.began.to}
		}
		began.to = stage.began.to
		betweenTimers := i+1 < len(s.stages) || o.over && len(o.steps) > 0
		if stage.timer == tcp.TimerNone && betweenTimers {
			continue
		}
		step := step{timer: stage.timer, retrans: stage.retrans, began: began.since(start)}
		if len(o.steps) == 0 {
			step.began = tcp.Span{}
		}
		began = nil
		for _, arming := range stage.armings {
			step.due = append(step.due, arming.due.since(start))
		}
		o.steps = append(o.steps, step)
	}
	return o
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
		v.detail = neverArmed(o)
	case o.over && !allowed.Spans.Overlaps(o.lasted):
		v.outcome = early
		if o.lasted.Min > allowed.Max() {
			v.outcome = late
		}
		v.matches = matching(allowed.Rivals, o, tick)
		return v
	case !o.over && (o.lasted.Min > allowed.Max() || ideal.Max() <= watch):
		v.outcome = late
		return v
	case o.over:
		told, _ := ideal.Distinct()
		if v.matches = matching(only(allowed.Rivals, told), o, tick); len(v.matches) > 0 {
			v.outcome = inconclusive
			return v
		}
		v.outcome = reaped
		v.detail = misfit(allowed, o, tick)
	case len(allowed.Phases) > 0:
		v.outcome = armed
		v.detail = misfit(allowed, o, tick)
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
func neverArmed(o observation) string {
	if last := o.steps[len(o.steps)-1]; last.timer != tcp.TimerNone {
		return fmt.Sprintf("held by the %v, where no timer should hold it", last.timer)
	}
	if o.over {
		return "it ended"
	}
	return ""
}

// misfit says what about the timers does not fit the prediction; empty if
// nothing.
func misfit(w tcp.Window, o observation, tick time.Duration) string {
	if len(w.Phases) > 0 {
		return phaseMisfit(w, o, tick)
	}
	return chainMisfit(w, o, tick)
}

// phaseMisfit checks the second witness of states held by one timer at a time:
// each deadline is as far from its start as predicted.
func phaseMisfit(w tcp.Window, o observation, tick time.Duration) string {
	var misfits []string
	for i, step := range o.steps {
		if i >= len(w.Phases) {
			misfits = append(misfits, fmt.Sprintf("held once more, by the %v", step.timer))
			break
		}
		phase := w.Phases[i]
		if step.timer != phase.Timer && (phase.Or == tcp.TimerNone || step.timer != phase.Or) {
			misfits = append(misfits, fmt.Sprintf("held by the %v, not the %v", step.timer, phase.Timer))
			continue
		}
		if len(step.due) == 0 {
			continue // seen only when it was due already
		}
		for _, due := range step.due {
			length := tcp.Span{Min: due.Min - step.began.Max - tick, Max: due.Max - step.began.Min + tick}
			if phase.For < length.Min || phase.For > length.Max {
				misfits = append(misfits, fmt.Sprintf("the %v was armed for %v, not %s", step.timer, length, tcp.Text(phase.For)))
			}
		}
	}
	return strings.Join(misfits, "; ")
}

// chainMisfit checks that every retransmission that was seen came, and was
// armed, for when its timeout was predicted to fire, and that the next one is
// not overdue.
func chainMisfit(w tcp.Window, o observation, tick time.Duration) string {
	var misfits []string
	for _, step := range o.steps {
		switch {
		case step.timer != w.Chain:
			misfits = append(misfits, fmt.Sprintf("held by the %v, not the %v", step.timer, w.Chain))
			continue
		case step.retrans >= len(w.Firings):
			misfits = append(misfits, fmt.Sprintf("retransmission %d, after the last", step.retrans))
			continue
		case step.retrans > 0 && !w.Firings[step.retrans-1].Overlaps(step.began):
			misfits = append(misfits, fmt.Sprintf("retransmission %d after %v, not %v", step.retrans, step.began, w.Firings[step.retrans-1]))
		}
		if due, found := step.nextRetransmission(); found && step.retrans < len(w.Firings) {
			firing := w.Firings[step.retrans]
			if due.Max+tick < firing.Min || due.Min-tick > firing.Max {
				misfits = append(misfits, fmt.Sprintf("timeout %d due after %v, not %v", step.retrans+1, due, firing))
			}
		}
	}
	if last := o.steps[len(o.steps)-1]; !o.over && last.retrans < len(w.Firings) && o.lasted.Min > w.Firings[last.retrans].Max {
		misfits = append(misfits, fmt.Sprintf("no retransmission %d by %s", last.retrans+1, tcp.Text(o.lasted.Min)))
	}
	return strings.Join(misfits, "; ")
}

// nextRetransmission is the deadline of the next timeout. Before the first one
// a lone deadline may be that of the tail loss probe.
func (s step) nextRetransmission() (tcp.Span, bool) {
	if len(s.due) == 0 || s.retrans == 0 && len(s.due) == 1 {
		return tcp.Span{}, false
	}
	return s.due[len(s.due)-1], true
}
