package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

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
		if due, found := step.nextRetransmission(w.Probe, tick); found && step.retrans < len(w.Firings) {
			deadline := w.Deadlines[step.retrans]
			if due.Max+tick+behind < deadline.Min || due.Min-tick > deadline.Max {
				misfits = append(misfits, fmt.Sprintf("timeout %d due after %v, not %v", step.retrans+1, due, deadline))
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

// nextRetransmission is the deadline of the next timeout. Before the first one a lone
// deadline may be that of the tail loss probe, and so may one that is as near as that:
// data has a deadline for its probe, which the FIN behind it puts off.
func (s step) nextRetransmission(probe, tick time.Duration) (tcp.Span, bool) {
	if len(s.due) == 0 {
		return tcp.Span{}, false
	}
	last := s.due[len(s.due)-1]
	mayProbe := probe > 0 && s.retrans == 0 && (len(s.due) == 1 || last.Min <= probe+2*tick)
	return last, !mayProbe
}
