package harness

import (
	"fmt"
	"slices"
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

// An observation is a spell as the judge sees it: spans since the clock of the
// window started.
type observation struct {
	over   bool
	lasted tcp.Span
	steps  []step
	// behind is by how much the timers that were armed may have fired early,
	// for the kernel's clock was behind when it armed them.
	behind time.Duration
}

// A step is a stage of the observation.
type step struct {
	timer   tcp.Timer
	retrans int
	began   tcp.Span
	due     []tcp.Span // the deadlines that the timer was given
	behind  time.Duration
}

// observe counts a spell from the start of its clock.
//
// A look may fall between two timers. sock_diag reads without the socket's
// lock, and the kernel clears the timer that fires before it arms the next
// (tcp_write_timer_handler in net/ipv4/tcp_timer.c), and shows FIN_WAIT_2 on the
// full socket before the minisocket takes over (tcp_rcv_state_process in
// net/ipv4/tcp_input.c, both Linux 5.10 to 7.3). Such a look is no step of its
// own: a timer that was really missing shows in the deadlines that follow.
//
// What was seen of the state before its clock started is left out.
func observe(s spell, start between, w tcp.Window) observation {
	o := observation{over: s.over()}
	end := s.ended
	if !o.over {
		end = between{s.last, s.last}
	}
	o.lasted = end.since(start)
	var began *between
	stages := since(s.stages, start, w)
	for i, stage := range stages {
		if began == nil {
			began = &between{stage.began.from, stage.began.to}
		}
		began.to = stage.began.to
		betweenTimers := i+1 < len(stages) || o.over && len(o.steps) > 0
		if stage.timer == tcp.TimerNone && betweenTimers {
			continue
		}
		step := step{timer: stage.timer, retrans: stage.retrans, began: began.since(start)}
		if len(o.steps) == 0 && stage.retrans == 0 {
			step.began = tcp.Span{}
		}
		began = nil
		for i, arming := range stage.armings {
			putOff := i+1 < len(stage.armings)
			if !putOff || !arming.due.overlaps(s.inherited) {
				step.due = append(step.due, arming.due.since(start))
			}
		}
		o.steps = append(o.steps, step)
	}
	return o
}

// since are the stages from the start of the window's clock on. Of TIME_WAIT,
// which every FIN of the peer starts anew, only the last deadline counts then.
func since(stages []stage, start between, w tcp.Window) []stage {
	for len(stages) > 1 && stages[0].timer != w.Chain && !stages[0].last.After(start.to) {
		stages = stages[1:]
	}
	if w.Clock != tcp.PeerFIN {
		return stages
	}
	stages = slices.Clone(stages)
	for i := range stages {
		stages[i].armings = slices.DeleteFunc(slices.Clone(stages[i].armings), func(a arming) bool {
			return a.seen.Before(start.from)
		})
	}
	return stages
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

// overdue checks the deadline of a state that one timer holds at a time: the
// timer wheel fires no earlier than that, and later by its granularity at the
// most.
func overdue(ideal, allowed tcp.Window, o observation, tick time.Duration) string {
	last := o.steps[len(o.steps)-1]
	if len(ideal.Phases) != len(o.steps) || len(last.due) == 0 {
		return ""
	}
	due := last.due[len(last.due)-1]
	after := tcp.Span{Min: o.lasted.Min - due.Max, Max: o.lasted.Max - due.Min}
	granularity := tcp.HZ(time.Second / tick).Lateness(ideal.Phases[len(ideal.Phases)-1].For)
	if limit := granularity + allowed.Max() - ideal.Max(); after.Min > limit+tick || after.Max < -tick {
		return fmt.Sprintf("the %v fired %v after its deadline, not within %s", last.timer, after, tcp.Text(limit))
	}
	return ""
}

// joined is a list of what is not empty.
func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "; ")
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
			if last := i == len(o.steps)-1; last && !o.over {
				misfits = append(misfits, fmt.Sprintf("no deadline of the %v was seen", step.timer))
			}
			continue // seen only when it was due already
		}
		for _, due := range step.due {
			length := tcp.Span{Min: due.Min - step.began.Max - tick, Max: due.Max - step.began.Min + tick + step.behind}
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
	behind := time.Duration(0) // so far
	for _, step := range o.steps {
		began := tcp.Span{Min: step.began.Min, Max: step.began.Max + behind}
		behind += step.behind
		switch {
		case step.timer != w.Chain:
			misfits = append(misfits, fmt.Sprintf("held by the %v, not the %v", step.timer, w.Chain))
			continue
		case w.Answered:
			continue // the peer's answers set the count back
		case step.retrans >= len(w.Firings):
			misfits = append(misfits, fmt.Sprintf("retransmission %d, after the last", step.retrans))
			continue
		case step.retrans > 0 && !w.Firings[step.retrans-1].Overlaps(began):
			misfits = append(misfits, fmt.Sprintf("retransmission %d after %v, not %v", step.retrans, step.began, w.Firings[step.retrans-1]))
		}
		if due, found := step.nextRetransmission(w.Probe); found && step.retrans < len(w.Firings) {
			firing := w.Firings[step.retrans]
			if due.Max+tick+behind < firing.Min || due.Min-tick > firing.Max {
				misfits = append(misfits, fmt.Sprintf("timeout %d due after %v, not %v", step.retrans+1, due, firing))
			}
		}
	}
	if w.Answered {
		return strings.Join(misfits, "; ")
	}
	if last := o.steps[len(o.steps)-1]; !o.over && last.retrans < len(w.Firings) && o.lasted.Min > w.Firings[last.retrans].Max {
		misfits = append(misfits, fmt.Sprintf("no retransmission %d by %s", last.retrans+1, tcp.Text(o.lasted.Min)))
	}
	return strings.Join(misfits, "; ")
}

// nextRetransmission is the deadline of the next timeout. Before the first one
// a lone deadline may be that of the tail loss probe.
func (s step) nextRetransmission(probe time.Duration) (tcp.Span, bool) {
	if len(s.due) == 0 || probe > 0 && s.retrans == 0 && len(s.due) == 1 {
		return tcp.Span{}, false
	}
	return s.due[len(s.due)-1], true
}
