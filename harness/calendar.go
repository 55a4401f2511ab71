package harness

import (
	"slices"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

const (
	// longestLeap is shorter than anything is waited for.
	longestLeap = patience / 2
	// overdueShare is how much of the time for which a timer has been overdue may pass
	// without a look: a coarse level of the timer wheel makes it wait for its next slot.
	overdueShare = 64
)

// untilNext is the pause where the clock leaps, and looks are nearly all that takes time
// on the host: until the next moment at which something may happen that nothing else
// tells of. Timers are on time there, actions kick the watchers, and the tap tells of
// segments. What is none of these, an ICMP message or what the kernel had no memory to
// capture, is seen in a wider interval, which is no verdict, or a failure.
func (w *watcher) untilNext(now, kicked time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := &w.stages[len(w.stages)-1]
	if last.state == tcp.Gone {
		return longestLeap
	}
	next := now.Add(longestLeap)
	for _, moment := range append(w.moments(now, last), kicked.Add(shortestPause)) {
		if moment.After(now) && moment.Before(next) {
			next = moment
		}
	}
	return max(next.Sub(now), shortestPause)
}

// moments are when the end of a stage, or of what is expected, may come or has to be
// told from what is near.
func (w *watcher) moments(now time.Time, last *stage) []time.Time {
	moments := []time.Time{w.entered().Add(heldLongEnough + shortestPause)}
	due := last.armed()
	if due.to.IsZero() && last.timer != tcp.TimerNone {
		due = between{last.begun, last.begun} // it was due before the stage began
	}
	if !due.to.IsZero() {
		moments = append(moments, due.from.Add(-shortestPause), due.to)
		if overdue := now.Sub(due.to); overdue >= 0 {
			moments = append(moments, now.Add(max(closePause, overdue/overdueShare)))
		}
	}
	for _, span := range w.focus {
		moments = append(moments, span.from.Add(-shortestPause), span.from, span.to, span.to.Add(shortestPause))
		if due.to.IsZero() && !now.Before(span.from) && now.Before(span.to) {
			moments = append(moments, now.Add(closePause))
		}
	}
	return moments
}

// entered is the first moment known to be inside the state.
func (w *watcher) entered() time.Time {
	last := w.stages[len(w.stages)-1]
	begun := last.begun
	for _, stage := range slices.Backward(w.stages) {
		if stage.state != last.state {
			break
		}
		begun = stage.begun
	}
	return begun
}

// passed has the watchers of the host look at what a segment has changed.
func (h *Host) passed() {
	for _, conn := range h.lab.connections() {
		if conn.host == h {
			conn.watcher.glance()
		}
	}
}
