package harness

import (
	"errors"
	"slices"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// moment is a moment on the axis of the lab.
func (lab *Lab) moment(at time.Time) report.Seconds { return report.Seconds(at.Sub(lab.started)) }

// momentOf is nil for what has not happened.
func (lab *Lab) momentOf(at time.Time) *report.Seconds {
	if at.IsZero() {
		return nil
	}
	moment := lab.moment(at)
	return &moment
}

// record is everything that is known of the lab so far. What could be learned is
// there with an error, too.
func (lab *Lab) record() (report.Lab, error) {
	record := report.Lab{
		Family: lab.Family.String(), Sysctls: lab.sysctls, Reason: lab.reason,
		Took:  report.Seconds(time.Since(lab.started)),
		Noise: lab.noise(),
	}
	if lab.Ends.State != tcp.Gone {
		record.Declared = lab.Ends.String()
	}
	for _, v := range lab.verdicts {
		record.Verdicts = append(record.Verdicts, lab.recordVerdict(v))
	}
	var errs []error
	for _, conn := range lab.connections() {
		seen, err := conn.transitions()
		errs = append(errs, err)
		record.Transitions = append(record.Transitions, seen...)
	}
	record.Notes = lab.recordNotes()
	for _, host := range lab.hosts() {
		one, err := host.record()
		errs = append(errs, err)
		record.Hosts = append(record.Hosts, one)
	}
	for _, fault := range lab.faults {
		hits, err := fault.count()
		errs = append(errs, err)
		record.Faults = append(record.Faults, report.Fault{
			Host: fault.host.name, Text: fault.what, Begin: lab.moment(fault.begin), End: lab.momentOf(fault.end), Hits: hits,
		})
	}
	var err error
	record.Segments, record.Unkept, err = lab.recordSegments()
	return record, errors.Join(append(errs, err)...)
}

// recordedSegments bounds the segments of a record: the first and the last of
// them. A filled window takes thousands, each like the other.
const recordedSegments = 500

// recordSegments are those of the record, and how many passed besides.
func (lab *Lab) recordSegments() (segments []report.Segment, unkept int, err error) {
	crossings, unkept, err := lab.wire()
	if excess := len(crossings) - recordedSegments; excess > 0 {
		unkept += excess
		crossings = slices.Delete(crossings, recordedSegments/2, recordedSegments/2+excess)
	}
	for _, crossing := range crossings {
		segments = append(segments, lab.recordCrossing(crossing))
	}
	return segments, unkept, err
}

func (lab *Lab) recordNotes() []report.Note {
	lab.story.mu.Lock()
	defer lab.story.mu.Unlock()
	var notes []report.Note
	for _, e := range lab.story.notes {
		notes = append(notes, report.Note{At: lab.moment(e.at), Host: e.host.name, Text: e.text, Call: e.call})
	}
	return notes
}

// record is the host as it is now.
func (h *Host) record() (report.Host, error) {
	one := report.Host{Name: h.name, Addr: h.lab.address(h), Settings: h.settings.Values(), Counters: map[string]int{}}
	if h.baseline == nil {
		return one, nil
	}
	now, err := h.readCounters()
	for name, by := range moved(h.baseline, now) {
		if by != 0 {
			one.Counters[name] = by
		}
	}
	return one, err
}

func (lab *Lab) recordVerdict(v verdict) report.Verdict {
	out := report.Verdict{
		Host: v.conn, State: v.window.Ending.State.String(), Ending: v.window.Ending.String(),
		Outcome: string(v.outcome), Passed: v.passed(), Text: v.String(),
		Clock: string(v.window.Clock), Window: intervals(v.window.Spans), Allowed: report.Seconds(v.late),
		Lasted: interval(v.lasted), Over: v.over, Why: v.why(), RTO: report.Seconds(v.rto),
	}
	if !v.start.from.IsZero() {
		out.Start = report.Interval{Min: lab.moment(v.start.from), Max: lab.moment(v.start.to)}
	}
	for _, rival := range v.matches {
		out.Like = append(out.Like, report.Rival{Name: rival.Name, Window: intervals(rival.Window.Spans)})
	}
	return out
}

func interval(s tcp.Span) report.Interval {
	return report.Interval{Min: report.Seconds(s.Min), Max: report.Seconds(s.Max)}
}

func intervals(spans tcp.Spans) []report.Interval {
	out := []report.Interval{}
	for _, span := range spans {
		out = append(out, interval(span))
	}
	return out
}
