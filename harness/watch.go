package harness

import (
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A watcher looks at one socket, often where something may happen and seldom
// where not, and keeps what it saw.
type watcher struct {
	diag   *diag
	tick   time.Duration
	leaps  bool // the clock does: only looks take time
	alarm  *alarm
	kicked atomic.Bool
	done   chan struct{}

	mu      sync.Mutex
	stages  []stage
	looked  time.Time     // when it did last
	focus   []between     // where an end is predicted
	changed chan struct{} // closed at the next sighting, or error
	yielded bool          // another socket has the place of this one
	window  tcp.Window    // what is predicted of the chain that holds the socket
	started between       // when its clock started
	err     error
}

// unborn is the state of a socket that does not exist so far.
const unborn tcp.State = 0xff

// newWatcher looks for the first time; exists says that it must find its connection
// at once. What it looks with is the caller's.
func newWatcher(d *diag, tick time.Duration, exists bool) (*watcher, error) {
	seen, err := d.look()
	if err != nil {
		return nil, err
	}
	switch {
	case seen.state == tcp.Gone && exists:
		return nil, errors.New("sock_diag does not find the connection that was just made")
	case !exists && older(seen.state):
		seen = sighting{before: seen.before, after: seen.after, state: unborn}
	}
	alarm, err := newAlarm()
	if err != nil {
		return nil, err
	}
	return &watcher{
		diag:    d,
		tick:    tick,
		leaps:   virtualTime(),
		alarm:   alarm,
		done:    make(chan struct{}),
		stages:  []stage{newStage(seen, seen.before, tick)},
		changed: make(chan struct{}),
	}, nil
}

// run looks until stop is called.
func (w *watcher) run(peer func() *watcher) {
	defer close(w.done)
	evidence.join(w)
	defer evidence.leave(w)
	asleep := time.Now()
	kicked := asleep
	for {
		pause := w.pause(asleep, kicked, peer)
		err := w.alarm.wait(pause)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			w.tell(func() { w.err = err })
			return
		}
		told := w.kicked.Swap(false)
		seen, err := w.look()
		if err != nil {
			w.tell(func() { w.err = err })
			return
		}
		if told {
			kicked = seen.before
		}
		// Who is told of the look may ask how late it was.
		overshoots.record(seen.before, seen.before.Sub(asleep)-pause)
		asleep = seen.after
		w.tell(func() {
			w.looked = seen.before
			w.add(seen)
		})
	}
}

// look is the last look of those it takes.
func (w *watcher) look() (sighting, error) {
	seen, err := w.diag.look()
	if err == nil && seen.state == tcp.Gone {
		return w.confirm(seen)
	}
	return seen, err
}

// tell has those who await something look at what was changed.
func (w *watcher) tell(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	close(w.changed)
	w.changed = make(chan struct{})
}

// confirm looks again where a look found nothing: the kernel's lookup takes no
// lock, and while a minisocket takes the place of its socket it may find neither
// (seen on Linux 6.18, once in some thousands of orphans that went to FIN_WAIT_2).
func (w *watcher) confirm(gone sighting) (sighting, error) {
	again, err := w.diag.look()
	if err != nil || again.state != tcp.Gone {
		return again, err
	}
	return gone, nil
}

// add keeps a sighting, unless it tells nothing of this connection: a look at a
// socket that is being removed, that is not there so far, or that has taken
// the place of this one.
func (w *watcher) add(seen sighting) {
	last := w.stages[len(w.stages)-1].state
	switch {
	case w.yielded, seen.state == tcp.Close, last == unborn && older(seen.state):
		return
	case last != unborn && alive(w.stages).Past(seen.state):
		w.yielded = true
		seen = sighting{before: seen.before, after: seen.after}
	}
	w.stages = addSighting(w.stages, seen, w.tick)
}

// alive is the last state that the socket was in before it was gone.
func alive(stages []stage) tcp.State {
	for _, stage := range slices.Backward(stages) {
		if stage.state != tcp.Gone {
			return stage.state
		}
	}
	return unborn
}

// older reports whether a socket in this state cannot be the one that is about
// to come: there is none, or an earlier one with the same addresses and ports.
func older(state tcp.State) bool { return state == tcp.Gone || state == tcp.TimeWait }

// stop ends the watching.
func (w *watcher) stop() error {
	err := w.alarm.close()
	<-w.done
	return err
}

// kick has the watcher look again at once, and often for a while; once more where the
// clock leaps.
func (w *watcher) kick() {
	w.kicked.Store(true)
	w.glance()
}

// glance has it look again at once.
func (w *watcher) glance() {
	if err := w.alarm.wake(); err != nil && !errors.Is(err, os.ErrClosed) {
		w.tell(func() { w.err = err })
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
	for i := range stages {
		stages[i].armings = steady(stages[i].armings, w.tick, &overshoots)
	}
	return stages
}

// expectEnd has the watcher look closely where an end is predicted.
func (w *watcher) expectEnd(spans []between, window tcp.Window, started between) {
	w.mu.Lock()
	w.focus, w.window, w.started = spans, window, started
	w.mu.Unlock()
	w.kick()
}

// expectAt has the watcher look at a moment, too.
func (w *watcher) expectAt(moment time.Time) {
	w.mu.Lock()
	w.focus = append(w.focus, between{moment, moment})
	w.mu.Unlock()
	w.kick()
}

// lags are those of the chain whose end is expected.
func (w *watcher) lags() []lag {
	w.mu.Lock()
	stages, window, started := w.copyStages(), w.window, w.started
	w.mu.Unlock()
	return chainTimers(stages, started, window, tcp.HZ(time.Second/w.tick)).lags
}

// await waits until done says so of what was seen, and returns that. It fails once a
// look after the deadline has not brought it: a process that was held up looks before
// it gives up. The watcher looks every now and then anyway; a timer for the deadline
// would have the runtime ask for the time whenever a goroutine waits.
func (w *watcher) await(deadline time.Time, done func([]stage) bool) ([]stage, error) {
	for stopped := false; ; {
		w.mu.Lock()
		stages, err, changed, looked := w.copyStages(), w.err, w.changed, w.looked
		w.mu.Unlock()
		switch {
		case err != nil || done(stages):
			return stages, err
		case looked.After(deadline):
			return stages, os.ErrDeadlineExceeded
		case stopped:
			return stages, os.ErrClosed
		}
		select {
		case <-changed:
		case <-w.done:
			stopped = true
		}
	}
}

// deadline is when the timer that holds the socket is due; zero if none does.
func (w *watcher) deadline() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stages[len(w.stages)-1].deadline()
}

// retransmission is when the socket is due to send something again; zero if it is not.
func (w *watcher) retransmission() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.stages[len(w.stages)-1]; last.timer == tcp.TimerRetransmit {
		return last.deadline()
	}
	return time.Time{}
}
