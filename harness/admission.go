package harness

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A lab is short of work but at its start, where building it, its first freeze
// and the close looks that follow take some tens of milliseconds of a processor.
// Hundreds of labs that started at once would keep each other's watchers waiting
// for seconds, and the kernel's timers, too, which fire in soft interrupts: late
// timers and wide intervals tell nothing apart. Labs are therefore admitted one
// after the other, those that are watched for longest first, and the others as
// slowly as the longest allow.

// admission lets labs start.
var admission = &gate{pause: admissionPause(), sleep: sleepByAlarm}

// admissionPause is what the start of a lab takes of the machine. Where the clock leaps
// a pause in which nobody has anything to do takes no time at all, so that it may be
// one in which even an emulated processor has built the lab: then labs do not wait
// for each other.
func admissionPause() time.Duration {
	if virtualTime() {
		return virtualPause
	}
	return startCost / time.Duration(runtime.NumCPU())
}

const (
	// virtualPause is longer than a short lab takes, so that few labs have anything to
	// do at the same time. The start of a lab takes 300 ms in a guest in which an
	// instruction takes 2 ns, and its end, where its story is told, up to 150 ms.
	virtualPause = 10 * time.Second
	// leisure is how many times longer a pause may be where nothing is in a hurry.
	leisure = 10
	// untimed is what a lab takes whose socket is not watched until it ends: it looks
	// whether a state stays, or waits for segments. 5.2 s is the longest of the cases.
	untimed = 5 * time.Second
	// unwatched is what a lab takes besides being watched, at the most.
	unwatched = 30 * time.Second
)

// A gate lets one pass at a time, with a pause between. A longer pause spares
// the processors, as long as the run takes no longer for it.
type gate struct {
	pause time.Duration
	sleep func(time.Duration) error

	mu      sync.Mutex
	running bool
	waiting []waiter
	closed  time.Time // until when nobody may pass
	end     time.Time // when all who passed will have been watched
}

type waiter struct {
	priority time.Duration // how long it will be watched
	pass     chan error
}

// wait returns when it is this one's turn: that of the highest priority among
// those who wait. It fails if no pause can be made.
func (g *gate) wait(priority time.Duration) error {
	w := waiter{priority, make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	return <-w.pass
}

// run opens the gate until nobody waits. The first pause is for the others who
// come at the same time, too.
func (g *gate) run() {
	for pause := g.first(time.Now()); pause > 0; pause = g.next(time.Now()) {
		if err := g.sleep(pause); err != nil {
			g.refuse(fmt.Errorf("waiting for the turn of a lab: %w", err))
			return
		}
	}
}

// refuse tells all who wait why they do not pass.
func (g *gate) refuse(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.waiting {
		w.pass <- err
	}
	g.waiting, g.running = nil, false
}

// first is the pause before the first who waits passes.
func (g *gate) first(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.pause, g.closed.Sub(now))
}

// next lets one pass, and tells how long to pause until the next may; zero if nobody
// waits any more.
func (g *gate) next(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortStableFunc(g.waiting, func(a, b waiter) int { return cmp.Compare(b.priority, a.priority) })
	first := g.waiting[0]
	g.waiting = g.waiting[1:]
	close(first.pass)
	if end := now.Add(first.priority); end.After(g.end) {
		g.end = end
	}
	pause := g.spread(now)
	g.closed = now.Add(pause)
	if len(g.waiting) == 0 {
		g.running = false
		return 0
	}
	return pause
}

// spread is the longest pause with which all who wait are through before the
// run ends anyway.
func (g *gate) spread(now time.Time) time.Duration {
	if virtualTime() {
		return g.pause
	}
	pause := leisure * g.pause
	for i, w := range g.waiting {
		latest := g.end.Sub(now) - w.priority - unwatched
		pause = min(pause, latest/time.Duration(i+1))
	}
	return max(pause, g.pause)
}
