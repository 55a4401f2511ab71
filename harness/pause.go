package harness

import (
	"math"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

const (
	shortestPause = time.Millisecond
	// closePause bounds the pause where a timer is overdue or an end predicted.
	closePause = 10 * time.Millisecond
)

// A pace is how seldom a watcher may look.
type pace struct {
	// longest bounds every pause.
	longest time.Duration
	// before and after are how much of the distance to a moment at which something is
	// due, and of that since one at which something happened, may pass without a look.
	// peers is how many times as much it may be for the peer's timer.
	before, after, peers float64
	// trusting has an armed timer alone say when a state ends, where the end is
	// predicted.
	trusting bool
	// overdue is how much of the time for which a timer has been overdue may pass.
	overdue float64
}

var (
	// realPace has a look fall within a millisecond of either side of each moment,
	// and no further than a quarter of its distance from anything else.
	realPace = pace{longest: 500 * time.Millisecond, before: 1. / 4, after: 1. / 4, peers: 2}
	// virtualPace is for a clock that leaps: there the looks are nearly all that
	// takes time on the host. They fall within a millisecond of each moment as well,
	// because timers are on time; between those what nobody predicted is seen in a
	// wider interval, which is no verdict, or a failure.
	// The longest is still shorter than anything is waited for (patience).
	virtualPace = pace{longest: patience / 2, before: 63. / 64, after: 7, peers: 1, trusting: true, overdue: 1. / 64}
)

// thisPace is that of the clock.
func thisPace() pace {
	if virtualTime() {
		return virtualPace
	}
	return realPace
}

// pause says how long not to look.
func (w *watcher) pause(now, kicked time.Time, peer *watcher) time.Duration {
	var peers time.Time
	if peer != nil {
		peers = peer.deadline()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.stages[len(w.stages)-1]
	if last.state == tcp.Gone {
		return w.pace.longest
	}
	due := last.deadline()
	moments := []time.Time{kicked, last.begun, due}
	limit := w.pace.longest
	overdue := !due.IsZero() && now.After(due)
	if overdue {
		limit = w.pace.close(now.Sub(due))
	}
	for _, span := range w.focus {
		moments = append(moments, span.from, span.to)
		if now.After(span.from) && now.Before(span.to) && !(w.pace.trusting && !due.IsZero()) {
			limit = min(limit, closePause)
		}
	}
	return max(min(w.pace.near(now, moments, limit), part(w.pace.from(now, peers), w.pace.peers)), shortestPause)
}

// close bounds the pause when a timer has been overdue for so long.
func (p pace) close(overdue time.Duration) time.Duration {
	return max(closePause, part(overdue, p.overdue))
}

// near is a pause that is short close to each moment.
func (p pace) near(now time.Time, moments []time.Time, limit time.Duration) time.Duration {
	pause := limit
	for _, moment := range moments {
		pause = min(pause, p.from(now, moment))
	}
	return max(pause, shortestPause)
}

// from is how long a pause may be for the sake of one moment.
func (p pace) from(now, moment time.Time) time.Duration {
	since := now.Sub(moment)
	return max(part(since, p.after), part(-since, p.before))
}

// part is a share of a duration, and at the most the longest there is.
func part(of time.Duration, share float64) time.Duration {
	return time.Duration(min(float64(of)*share, math.MaxInt64/2))
}
