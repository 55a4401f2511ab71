package report

import (
	"fmt"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// spansOf are the intervals as the model writes them.
func spansOf(intervals []Interval) tcp.Spans {
	out := make(tcp.Spans, len(intervals))
	for i, one := range intervals {
		out[i] = tcp.Span{Min: one.Min.Duration(), Max: one.Max.Duration()}
	}
	return out
}

// inSeconds is exact to the millisecond.
func inSeconds(s Seconds) string { return fmt.Sprintf("%.3f s", s.Duration().Seconds()) }

// lasted is how long the state lasted, as "3.345 s", or "3.150 to 3.291 s" where
// the end is known less well.
func (v Verdict) lasted() string {
	const fine = Seconds(5 * time.Millisecond)
	if v.Lasted.Max-v.Lasted.Min > fine {
		return spansOf([]Interval{v.Lasted})[0].String()
	}
	return inSeconds(v.Lasted.Min + (v.Lasted.Max-v.Lasted.Min)/2)
}

// distance says where the end lies beside the window, and how far from it, as
// "1.583 s before the window opened". It is empty where none was predicted.
func (v Verdict) distance() string {
	if len(v.Window) == 0 {
		return ""
	}
	var after, before string
	for _, span := range v.Window {
		switch {
		case span.Min <= v.Lasted.Min && v.Lasted.Max <= span.Max:
			return "inside the window"
		case span.Min <= v.Lasted.Max && v.Lasted.Min <= span.Max:
			return v.astride(span)
		case span.Max < v.Lasted.Min:
			after = inSeconds(v.Lasted.Min-span.Max) + " after the window closed"
		case before == "":
			before = inSeconds(span.Min-v.Lasted.Max) + " before the window opened"
		}
	}
	switch {
	case after != "" && before != "":
		return after + ", " + before + " again"
	case after != "" && v.Passed:
		return after + ", as this machine's lateness allows"
	}
	return after + before
}

// astride says of an interval that is not wholly inside the span how far it may
// be outside.
func (v Verdict) astride(span Interval) string {
	text := "up to " + inSeconds(span.Min-v.Lasted.Min) + " before the window opened"
	if v.Lasted.Max > span.Max {
		text = "up to " + inSeconds(v.Lasted.Max-span.Max) + " after the window closed"
	}
	return text + ", or inside it"
}
