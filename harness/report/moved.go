package report

import (
	"math"
	"slices"
)

// movedEnd is a verdict that is not what it was; now is nil where it is no
// longer reached.
type movedEnd struct{ before, now *Verdict }

// movedEnds are those of a lab that passed both times. A verdict which is
// reached only now is no move: the suite asks for more.
func movedEnds(before, now Lab, sameHZ bool) []movedEnd {
	var out []movedEnd
	used := make([]bool, len(now.Verdicts))
	for i := range before.Verdicts {
		end := movedEnd{before: &before.Verdicts[i]}
		for j := range now.Verdicts {
			if v := &now.Verdicts[j]; !used[j] && v.Host == end.before.Host && v.Ending == end.before.Ending {
				end.now, used[j] = v, true
				break
			}
		}
		if end.now == nil || end.before.moved(*end.now, sameHZ) {
			out = append(out, end)
		}
	}
	return out
}

// moved reports whether two verdicts that passed disagree about the end: of
// another kind, predicted for another time, or seen where the window of the
// first is not. What was cut short has its end at any time from then on.
//
// With another tick rate timers are late by another granularity, and the
// windows alone decide. So they do where no timer ended the state.
func (v Verdict) moved(now Verdict, sameHZ bool) bool {
	if v.kind() != now.kind() || (len(v.Window) == 0) != (len(now.Window) == 0) {
		return true
	}
	if len(v.Window) == 0 {
		return false
	}
	expected := v.expected(now.RTO)
	if !slices.ContainsFunc(now.Window, func(window Interval) bool { return meets(expected, window, 0) }) {
		return true
	}
	late := max(v.Allowed, now.Allowed, now.late())
	return sameHZ && v.kind() == reaped && meets(expected, v.seen(), late) && !meets(expected, now.seen(), late)
}

// The first three outcomes mean that a timer ends the state.
const (
	reaped      = "reaped in its window"
	armed       = "armed"
	onSchedule  = "on schedule"
	endless     = "for ever as it should"
	endedByPeer = "ended by its peer"
)

// kind is the outcome, however long the state was watched. That of a state which no timer
// ends is the same whether or not the peer has ended it: that hangs on microseconds.
func (v Verdict) kind() string {
	switch {
	case v.Outcome == armed || v.Outcome == onSchedule:
		return reaped
	case v.Outcome == endedByPeer && len(v.Window) == 0:
		return endless
	}
	return v.Outcome
}

// expected is the window, and the same for a slightly different retransmission
// timeout. It comes out of the round trips and is rounded to ticks, so that it
// is 204 ms in one connection and 208 ms in the next. A difference of less than
// an eighth is far from any rival's, the nearest of which waits twice as long.
func (v Verdict) expected(rto Seconds) []Interval {
	if v.RTO <= 0 || rto <= 0 || max(v.RTO, rto)-min(v.RTO, rto) >= v.RTO/8 {
		return v.Window
	}
	ratio := float64(rto) / float64(v.RTO)
	out := slices.Clone(v.Window)
	for _, window := range v.Window {
		out = append(out, Interval{Seconds(float64(window.Min) * ratio), Seconds(float64(window.Max) * ratio)})
	}
	return out
}

// meets reports whether the interval has a moment in common with one of the
// windows, each prolonged by so much.
func meets(windows []Interval, i Interval, late Seconds) bool {
	return slices.ContainsFunc(windows, func(window Interval) bool {
		return i.Min-late <= window.Max && window.Min <= i.Max
	})
}

// seen is where the end lies.
func (v Verdict) seen() Interval {
	if !v.Over {
		return Interval{v.Lasted.Min, math.MaxInt64}
	}
	return v.Lasted
}

// late is by how much the end came after its own window, which the verdict
// excuses.
func (v Verdict) late() Seconds {
	return max(0, v.Lasted.Min-v.Window[len(v.Window)-1].Max)
}
