package harness

import (
	"slices"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A chain of retransmissions tells when its timers fired, and so when it began:
// a timer is armed anew when it fires, hence each deadline less its interval is
// the moment at which the one before it fired. However busy the processors are,
// this is exact to some ticks, for the kernel wrote both numbers.
type timers struct {
	hz        tcp.HZ
	armings   []arming
	intervals []time.Duration // of each arming
	// began encloses the moment when the first segment was sent; zero when the
	// first arming was not seen.
	began between
	lags  []lag
}

// A lag is how late one timer fired, beyond what the timer wheel allows.
type lag struct {
	due  between       // with a tick to spare on either side
	late time.Duration // at the most
}

// chainTimers are those of the chain since its clock started. TCP_USER_TIMEOUT
// cuts every interval but the first to what remains, which no window tells.
func chainTimers(stages []stage, start between, window tcp.Window, hz tcp.HZ) timers {
	if window.Chain == tcp.TimerNone || window.Answered {
		return timers{}
	}
	stages = slices.DeleteFunc(slices.Clone(stages), func(s stage) bool {
		clamped := window.Ending.Options.UserTimeout > 0 && s.retrans > 0
		return s.timer != window.Chain || s.last.Before(start.from) || clamped
	})
	return readTimers(stages, window, hz)
}

// readTimers finds the armings of a chain in the stages of its socket, and
// gives each the interval that the ideal window has for it. A stage whose
// armings were not all seen is left out.
func readTimers(stages []stage, window tcp.Window, hz tcp.HZ) timers {
	t := timers{hz: hz}
	for _, s := range stages {
		intervals := intervalsOf(window, s.retrans)
		if len(intervals) == 0 || len(intervals) != len(s.armings) {
			t.armings, t.intervals = nil, nil
			continue
		}
		for i, interval := range intervals {
			t.add(s.armings[i], interval)
		}
		if s.retrans == 0 {
			t.began = armedAt(s.armings[0], intervals[0], hz)
		}
	}
	return t
}

// intervalsOf are what the timer is armed for after so many retransmissions.
// Before the first there may be a tail loss probe.
func intervalsOf(window tcp.Window, retrans int) []time.Duration {
	if retrans >= len(window.Intervals) {
		return nil
	}
	if interval := window.Intervals[retrans]; retrans > 0 || window.Probe == 0 {
		return []time.Duration{interval}
	}
	return []time.Duration{window.Probe, window.Intervals[0]}
}

// add notes an arming, which tells when the timer before it fired.
func (t *timers) add(next arming, interval time.Duration) {
	if n := len(t.armings); n > 0 {
		due := t.armings[n-1].due
		if next.due == due {
			return // the same timer, seen in the next state
		}
		wheel := due.from.Add(t.hz.Lateness(t.intervals[n-1]))
		fired := armedAt(next, interval, t.hz)
		if next.seen.Before(fired.to) {
			// A timer armed for longer than predicted is no late timer: what
			// was seen had happened.
			fired.to = next.seen
		}
		spare := between{due.from.Add(-t.hz.Tick()), due.to.Add(t.hz.Tick())}
		t.lags = append(t.lags, lag{spare, max(0, fired.to.Sub(wheel))})
	}
	t.armings, t.intervals = append(t.armings, next), append(t.intervals, interval)
}

// armedAt encloses the moment at which a timer was armed. The kernel counts its
// interval from the last tick.
func armedAt(a arming, interval time.Duration, hz tcp.HZ) between {
	return between{a.due.from.Add(-interval), a.due.to.Add(hz.Tick() - interval)}
}

// nearby is how far around a timer the process must have seen lateness, too,
// for that of the timer to be taken for the machine's.
const nearby = 500 * time.Millisecond

// lateness is by how much timers that were due in a span since start fired
// late, at the most: as the connection's own deadlines tell it, which they do
// for every timer of a chain but the last, and otherwise by the measure of the
// process. What the deadlines tell is exact to some ticks; more than that is the
// machine's only if the process, too, was late around that time.
func lateness(start between, known []lag, hz tcp.HZ, log *overshootLog) func(tcp.Span) time.Duration {
	return func(due tcp.Span) time.Duration {
		around := between{start.from.Add(due.Min), start.to.Add(due.Max)}
		own, found := time.Duration(0), false
		for _, lag := range known {
			if lag.due.overlaps(around) {
				own, found = max(own, lag.late), true
			}
		}
		if found {
			return min(own, log.worst(around.from.Add(-nearby), around.to.Add(nearby))+3*hz.Tick())
		}
		return log.worst(around.from, around.to)
	}
}
