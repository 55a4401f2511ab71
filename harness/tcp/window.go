package tcp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a stretch of time from Min to Max, both ends included.
type Span struct{ Min, Max time.Duration }

// Overlaps reports whether the two spans have a moment in common.
func (s Span) Overlaps(other Span) bool { return s.Min <= other.Max && other.Min <= s.Max }

// plus adds spans of time that follow each other.
func (s Span) plus(next Span) Span { return Span{s.Min + next.Min, s.Max + next.Max} }

// String gives seconds, as "3.264 to 3.368 s".
func (s Span) String() string {
	return fmt.Sprintf("%.3f to %.3f s", s.Min.Seconds(), s.Max.Seconds())
}

// Text writes a duration the way the calculations do: "204 ms", "102.2 s".
func Text(d time.Duration) string {
	if d.Abs() < time.Second {
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(float64(d)/float64(time.Second), 'f', -1, 64) + " s"
}

// Spans are disjoint and ascending. None means never.
type Spans []Span

// Overlaps reports whether any span has a moment in common with s.
func (spans Spans) Overlaps(s Span) bool {
	for _, span := range spans {
		if span.Overlaps(s) {
			return true
		}
	}
	return false
}

// add appends a span that begins no earlier than the last one, merging the two
// if they overlap.
func (spans Spans) add(s Span) Spans {
	if last := len(spans) - 1; last >= 0 && spans[last].Overlaps(s) {
		spans[last].Max = max(spans[last].Max, s.Max)
		return spans
	}
	return append(spans, s)
}

// String joins the spans by "or"; no span reads "never".
func (spans Spans) String() string {
	if len(spans) == 0 {
		return "never"
	}
	texts := make([]string, len(spans))
	for i, span := range spans {
		texts[i] = span.String()
	}
	return strings.Join(texts, " or ")
}

// Clock is the event that a window is counted from.
type Clock string

// The clocks of the states.
const (
	SYNSent  Clock = "the SYN was sent"
	SYNCame  Clock = "the SYN arrived"
	DataSent Clock = "the data was sent"
	Idle     Clock = "the connection was last used, or keepalive switched on if that was later"
	Probing  Clock = "the persist timer was armed"
	FINSent  Clock = "the FIN was sent"
	FINAcked Clock = "the FIN was acknowledged"
	PeerFIN  Clock = "the peer's FIN arrived"
	Closed   Clock = "the owner closed the socket"
)

// Phase is a part of a state that one Timer holds, armed once For so long.
type Phase struct {
	Timer Timer
	For   time.Duration
	// Or is a timer that may hold the phase instead, for as long; TimerNone
	// when there is no such.
	Or Timer
}

// Rival is another explanation: the Window there would be if the kernel did
// something else than the model says, which Name tells in a few words. It has no
// rivals itself.
type Rival struct {
	Name   string
	Window Window
}

// Window says when a timer removes a socket from the state of Ending, counted
// from Clock.
type Window struct {
	Ending Ending
	Clock  Clock
	// Spans are where the end lies. None: no timer holds the state, and it
	// lasts until the peer or the owner ends it.
	Spans Spans
	// Phases are the timers of a state that is held by one timer at a time,
	// each armed once. Empty for a chain of retransmissions.
	Phases []Phase
	// Chain is the timer that a chain of retransmissions or probes hangs on,
	// and Firings are the spans in which it fires, the last of which ends the
	// socket at the latest. Empty for phases.
	Chain   Timer
	Firings []Span
	// Deadlines are the spans in which each of the firings is due. How late a
	// timer is when it fires does not move its own deadline, only the next.
	Deadlines []Span
	// Intervals are for how long the timer of the chain is armed, for each of
	// the firings. What remains of a user timeout depends on how late the
	// firings before were: then it is the longest.
	Intervals []time.Duration
	// Probe is the delay of the tail loss probe behind which the first interval
	// starts anew; 0 for none, and for one that puts nothing off.
	Probe time.Duration
	// Answered says that the peer answers, and each answer sets the count of
	// retransmissions back, so that the count does not tell how far the chain
	// has come.
	Answered bool
	// Outcomes are the possible ends one by one, each with what it moves.
	Outcomes []Outcome
	// Errors are what the socket's owner is told. Empty without an owner.
	Errors Errors
	// Deviation says how the kernels of Source depart from the documented rule
	// that the window follows; empty where they do not.
	Deviation string
	// Why names the settings that rule the window, with their values.
	Why string
	// Source names the kernel functions that the window follows, their files
	// and the releases of Linux that they were read in.
	Source string
	// Calculation is the sum behind the earliest end, for checking by hand.
	Calculation string
	// Rivals are what the nearest mistakes would give, the nearest first.
	Rivals []Rival
}

// Never reports that no timer ends the state.
func (w Window) Never() bool { return len(w.Spans) == 0 }

// Min is the earliest end. It must not be asked of a window that never ends.
func (w Window) Min() time.Duration { return w.Spans[0].Min }

// Max is the latest end. It must not be asked of a window that never ends.
func (w Window) Max() time.Duration { return w.Spans[len(w.Spans)-1].Max }

// String gives the spans in seconds.
func (w Window) String() string { return w.Spans.String() }

// Distinct splits the rivals into those that an observation can tell from the
// prediction and those that it cannot, because their spans overlap or neither
// ends.
func (w Window) Distinct() (told, untold []Rival) {
	for _, rival := range w.Rivals {
		overlap := w.Never() && rival.Window.Never()
		for _, span := range rival.Window.Spans {
			overlap = overlap || w.Spans.Overlaps(span)
		}
		if overlap {
			untold = append(untold, rival)
		} else {
			told = append(told, rival)
		}
	}
	return told, untold
}
