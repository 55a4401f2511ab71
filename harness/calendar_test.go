package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
)

// looks are when a watcher of the stage looks, in milliseconds, from one moment up to
// another, if it sees nothing new.
func looks(w *watcher, from, to int) (all []float64) {
	for now := at(from); ; {
		now = now.Add(w.untilNext(now, at(from)))
		if now.After(at(to)) {
			return all
		}
		all = append(all, float64(now.Sub(start))/float64(time.Millisecond))
	}
}

// A timer is met on either side, and so is its slot in the wheel, which it may wait for;
// that a state is held is seen as soon as it counts; and besides nobody looks more often
// than every ten seconds.
func TestLooksWhereTimeLeaps(t *testing.T) {
	w := &watcher{tick: tick, stages: sightings(sight(0, tcp.FinWait1, tcp.TimerRetransmit, 1, 30_000))}
	assert.Equal(t, []float64{1, 252, 10_252, 20_252, 29_991, 30_001, 30_011, 30_021}, looks(w, 0, 30_030))
	assert.Len(t, looks(w, 94_001, 100_000), 6, "overdue by a minute: once in a second")
}

// A timer that was due before its stage began has no deadline, and waits in the wheel.
func TestLooksWhereTheTimerIsOverdue(t *testing.T) {
	w := &watcher{tick: tick, stages: sightings(sight(0, tcp.LastAck, tcp.TimerRetransmit, 0, 0))}
	assert.Equal(t, []float64{1, 11, 21, 31, 41}, looks(w, 0, 50))
}

// Where an end is expected both edges are met.
func TestLooksWhereAnEndIsExpected(t *testing.T) {
	w := &watcher{tick: tick, stages: sightings(sight(0, tcp.FinWait2, tcp.TimerNone, 0, 0)), focus: []between{{at(5000), at(5030)}}}
	assert.Equal(t, []float64{1, 252, 4999, 5000, 5010, 5020, 5030, 5031, 15_031}, looks(w, 0, 20_000))
	w.stages = sightings(sight(0, tcp.FinWait2, tcp.TimerTimeWait, 0, 5010))
	assert.Equal(t, []float64{1, 252, 4999, 5000, 5001, 5011, 5021, 5030, 5031}, looks(w, 0, 5040), "the timer says when")
}

func TestLooksWhereNothingIsLeft(t *testing.T) {
	w := &watcher{tick: tick, stages: sightings(sight(0, tcp.Gone, tcp.TimerNone, 0, 0))}
	assert.Equal(t, []float64{10_000, 20_000}, looks(w, 0, 25_000))
}
