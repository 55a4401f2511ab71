package harness

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A watcher looks at one socket, often where something may happen and seldom
// where not, and keeps what it saw.
type watcher struct {
	diag *diag
	tick time.Duration
	peer *watcher
	// kicks asks for a close look: something was done to the lab.
	kicks chan struct{}
	quit  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	stages  []stage
	focus   []between     // where an end is predicted
	changed chan struct{} // closed at the next sighting
	err     error
}

// newWatcher takes over a diag socket that finds its connection.
func newWatcher(d *diag, tick time.Duration) (*watcher, error) {
	seen, err := d.look()
	if err != nil {
		return nil, err
	}
	if seen.state == tcp.Gone {
		return nil, errors.New("sock_diag does not find the connection that was just made")
	}
	return &watcher{
		diag:    d,
		tick:    tick,
		kicks:   make(chan struct{}, 1),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
		stages:  []stage{newStage(seen, seen.before, tick)},
		changed: make(chan struct{}),
	}, nil
}

// run looks until stop is called. The peer's timers, too, make something
// happen here.
func (w *watcher) run(peer *watcher) {
	defer close(w.done)
	w.peer = peer
	timer := time.NewTimer(0)
	defer timer.Stop()
	kicked := time.Now()
	for {
		asleep := time.Now()
		pause := w.pause(asleep, kicked)
		timer.Reset(pause)
		select {
		case <-w.quit:
			return
		case <-w.kicks:
			kicked = time.Now()
		case <-timer.C:
			awake := time.Now()
			overshoots.record(awake, awake.Sub(asleep)-pause)
		}
		if err := w.lookOnce(); err != nil {
			return
		}
	}
}

func (w *watcher) lookOnce() error {
	seen, err := w.diag.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = err
	} else if seen.state != tcp.Close { // a look at a socket that is being removed
		w.stages = addSighting(w.stages, seen, w.tick)
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return err
}

// stop ends the watching.
func (w *watcher) stop() error {
	close(w.quit)
	<-w.done
	return nil
}

// kick has the watcher look again at once, and often for a while.
func (w *watcher) kick() {
	select {
	case w.kicks <- struct{}{}:
	default:
	}
}

// seen returns what was seen so far.
func (w *watcher) seen() ([]stage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.copyStages(), w.err
}

// copyStages is for use outside the lock, where a later look must not change
// it: the last stage's deadlines are still being narrowed.
func (w *watcher) copyStages() []stage {
	stages := slices.Clone(w.stages)
	last := &stages[len(stages)-1]
	last.armings = slices.Clone(last.armings)
	return stages
}

// expectEnd has the watcher look closely where an end is predicted.
func (w *watcher) expectEnd(spans []between) {
	w.mu.Lock()
	w.focus = spans
	w.mu.Unlock()
	w.kick()
}

// await waits until done says so of what was seen, and returns that. It fails
// when the context ends first.
func (w *watcher) await(ctx context.Context, done func([]stage) bool) ([]stage, error) {
	for {
		w.mu.Lock()
		stages, err, changed := w.copyStages(), w.err, w.changed
		w.mu.Unlock()
		if err != nil || done(stages) {
			return stages, err
		}
		select {
		case <-ctx.Done():
			return stages, ctx.Err()
		case <-changed:
		}
	}
}

// deadline is when the timer that holds the socket is due; zero if none does.
func (w *watcher) deadline() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stages[len(w.stages)-1].deadline()
}

const (
	shortestPause = time.Millisecond
	// closePause bounds the pause where a timer is overdue or an end predicted.
	closePause   = 10 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// pause says how long not to look: a quarter of the distance to the nearest
// moment at which something happened or is due, so that a look falls within a
// millisecond of either side of each.
func (w *watcher) pause(now, kicked time.Time) time.Duration {
	var peers time.Time
	if w.peer != nil {
		peers = w.peer.deadline()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.stages[len(w.stages)-1]
	if last.state == tcp.Gone {
		return longestPause
	}
	moments := []time.Time{kicked, last.begun, peers, last.deadline()}
	limit := longestPause
	if due := last.deadline(); !due.IsZero() && now.After(due) {
		limit = closePause
	}
	for _, span := range w.focus {
		moments = append(moments, span.from, span.to)
		if now.After(span.from) && now.Before(span.to) {
			limit = closePause
		}
	}
	return pauseNear(now, moments, limit)
}

func pauseNear(now time.Time, moments []time.Time, limit time.Duration) time.Duration {
	pause := limit
	for _, moment := range moments {
		pause = min(pause, now.Sub(moment).Abs()/4)
	}
	return max(pause, shortestPause)
}
