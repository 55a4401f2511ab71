package harness

import (
	"slices"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// How late the kernel's timers fire is told by the deadlines of all connections
// of the run together: while a processor is busy with something else, what the
// process measures is its own wait for that processor, not the kernel's, whose
// timers go on. The process's measure decides what is early and late, for it
// never falls short. That of the connections decides which rivals are worth
// naming: one that needs a timer to be late by 200 ms, when dozens of others
// around that time were on time, is none.

// evidence is what the connections of the process tell.
var evidence = &lagLog{live: map[*watcher]bool{}}

// A lagLog collects lags: those of connections that are watched, and those of
// connections that are no more.
type lagLog struct {
	mu   sync.Mutex
	live map[*watcher]bool
	past []lag
}

// keptLags bounds what is kept of the past.
const keptLags = 10_000

// join adds a connection.
func (l *lagLog) join(w *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[w] = true
}

// leave keeps what the connection has told.
func (l *lagLog) leave(w *watcher) {
	lags := w.lags()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, w)
	l.past = append(l.past, lags...)
	if excess := len(l.past) - keptLags; excess > 0 {
		l.past = slices.Delete(l.past, 0, excess)
	}
}

// enough timers must have fired around a moment for the latest of them to stand
// for the machine.
const enough = 5

// worst is by how much a timer that was due in the span fired late, at the most,
// and whether there were enough to tell.
func (l *lagLog) worst(due between) (worst time.Duration, told bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fired := 0
	count := func(lags []lag) {
		for _, lag := range lags {
			if lag.due.overlaps(due) {
				fired++
				worst = max(worst, lag.late)
			}
		}
	}
	count(l.past)
	for w := range l.live {
		count(w.lags())
	}
	return worst, fired >= enough
}

// kernelLateness is lateness by that evidence, where there is enough of it.
func kernelLateness(start between, otherwise func(tcp.Span) time.Duration) func(tcp.Span) time.Duration {
	return func(due tcp.Span) time.Duration {
		late := otherwise(due)
		around := between{start.from.Add(due.Min - nearby), start.to.Add(due.Max + nearby)}
		if worst, told := evidence.worst(around); told {
			return min(late, worst)
		}
		return late
	}
}
