package harness

import (
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

const (
	shortestPause = time.Millisecond
	longestPause  = 500 * time.Millisecond
	// closePause bounds the pause where a timer is overdue or an end predicted.
	closePause = 10 * time.Millisecond
)

// pause says how long not to look.
func (w *watcher) pause(now, kicked time.Time, peer func() *watcher) time.Duration {
	if w.leaps {
		return w.untilNext(now, kicked)
	}
	return w.rhythm(now, kicked, peer())
}

// rhythm has a look fall within a millisecond of either side of each moment at which
// something is due or has happened, and no further than a quarter of its distance from
// anything else. The peer's timers, too, make something happen here.
func (w *watcher) rhythm(now, kicked time.Time, peer *watcher) time.Duration {
	var peers time.Time
	if peer != nil {
		peers = peer.deadline()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.stages[len(w.stages)-1]
	if last.state == tcp.Gone {
		return longestPause
	}
	due := last.deadline()
	moments := []time.Time{kicked, last.begun, due}
	limit := longestPause
	if !due.IsZero() && now.After(due) {
		limit = closePause
	}
	for _, span := range w.focus {
		moments = append(moments, span.from, span.to)
		if now.After(span.from) && now.Before(span.to) {
			limit = closePause
		}
	}
	return max(min(near(now, moments, limit), now.Sub(peers).Abs()/2), shortestPause)
}

// near is a pause that is short close to each moment.
func near(now time.Time, moments []time.Time, limit time.Duration) time.Duration {
	pause := limit
	for _, moment := range moments {
		pause = min(pause, now.Sub(moment).Abs()/4)
	}
	return max(pause, shortestPause)
}
