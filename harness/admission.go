package harness

import (
	"runtime"
	"sync"
	"time"
)

// A lab is short of work but at its start, where building it, its first freeze
// and the close looks that follow take some tens of milliseconds of a processor.
// Hundreds of labs that started at once would keep each other's watchers waiting
// for seconds, and intervals that wide tell nothing apart. They are therefore
// admitted one after the other, those that are watched for longest first, so
// that the run takes hardly longer.

// startCost is about what the start of a lab takes of one processor.
const startCost = 30 * time.Millisecond

// admission lets labs start.
var admission = newGate(startCost / time.Duration(runtime.NumCPU()))

// A gate lets one pass at a time, with a pause between.
type gate struct {
	pause time.Duration

	mu      sync.Mutex
	running bool
	waiting []waiter
}

type waiter struct {
	priority time.Duration
	pass     chan struct{}
}

func newGate(pause time.Duration) *gate { return &gate{pause: pause} }

// wait returns when it is this one's turn: that of the highest priority among
// those who wait.
func (g *gate) wait(priority time.Duration) {
	w := waiter{priority, make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	<-w.pass
}

// run opens the gate until nobody waits. The first pause is for the others who
// come at the same time.
func (g *gate) run() {
	ticker := time.NewTicker(g.pause)
	defer ticker.Stop()
	for range ticker.C {
		if !g.next() {
			return
		}
	}
}

// next lets one pass, and reports whether there was one.
func (g *gate) next() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running = false
		return false
	}
	first := 0
	for i, w := range g.waiting {
		if w.priority > g.waiting[first].priority {
			first = i
		}
	}
	close(g.waiting[first].pass)
	g.waiting = append(g.waiting[:first], g.waiting[first+1:]...)
	return true
}
