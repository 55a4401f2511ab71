package harness

import (
	"os"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// start is an arbitrary moment; at counts from it in milliseconds.
var start = time.Now()

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// sight is a look that took a millisecond.
func sight(ms int, state tcp.State, timer tcp.Timer, retrans, expires int) sighting {
	return sighting{
		before: at(ms), after: at(ms + 1), state: state, timer: timer, retrans: retrans,
		expires: time.Duration(expires) * time.Millisecond,
	}
}

const tick = 4 * time.Millisecond

func sightings(first sighting, more ...sighting) []stage {
	stages := []stage{newStage(first, first.before, tick)}
	for _, seen := range more {
		stages = addSighting(stages, seen, tick)
	}
	return stages
}

func TestStages(t *testing.T) {
	stages := sightings(
		sight(0, tcp.Established, tcp.TimerNone, 0, 0),
		sight(10, tcp.FinWait1, tcp.TimerRetransmit, 0, 200),
		sight(20, tcp.FinWait1, tcp.TimerRetransmit, 0, 190),
		sight(210, tcp.FinWait1, tcp.TimerRetransmit, 0, 0),   // due, not yet fired
		sight(214, tcp.FinWait1, tcp.TimerRetransmit, 0, 204), // tail loss probe
		sight(420, tcp.FinWait1, tcp.TimerRetransmit, 1, 404),
		sight(830, tcp.Gone, tcp.TimerNone, 0, 0),
	)
	require.Len(t, stages, 4)
	probed := stages[1]
	assert.Equal(t, between{at(0), at(11)}, probed.began)
	assert.Equal(t, at(214), probed.last)
	require.Len(t, probed.armings, 2)
	assert.Equal(t, between{at(202), at(211)}, probed.armings[0].due)
	assert.Equal(t, at(215), probed.armings[1].seen)
	assert.Equal(t, at(825), stages[2].deadline())
	assert.True(t, stages[3].began == between{at(420), at(831)})

	all := spells(stages)
	require.Len(t, all, 3)
	assert.Equal(t, tcp.FinWait1, all[1].state)
	assert.Equal(t, between{at(420), at(831)}, all[1].ended)
	assert.Equal(t, tcp.Gone, all[1].next)
	assert.Equal(t, 409*time.Millisecond, all[1].held())
	assert.False(t, all[2].over())
}

// Every look at a deadline makes it more exact, and none puts it off.
func TestRearm(t *testing.T) {
	stages := sightings(
		sight(0, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),
		sight(3, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),      // the same tick
		sight(5, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_996),      // the next
		sight(30_000, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000), // armed anew
	)
	require.Len(t, stages, 1)
	require.Len(t, stages[0].armings, 2)
	assert.Equal(t, between{at(59_995), at(60_001)}, stages[0].armings[0].due)
	assert.Equal(t, between{at(89_992), at(90_001)}, stages[0].armings[1].due)
}

// A chain's deadlines tell when it began and how late each of its timers fired,
// whenever it was looked at.
func TestReadTimers(t *testing.T) {
	window := window(tcp.FinWait1, "tcp_orphan_retries", 2, 0)
	stages := sightings(
		sight(50, tcp.FinWait1, tcp.TimerRetransmit, 0, 154),  // due at 204
		sight(300, tcp.FinWait1, tcp.TimerRetransmit, 0, 112), // due at 412: the probe was on time
		sight(700, tcp.FinWait1, tcp.TimerRetransmit, 1, 150), // due at 850: fired at 442, 30 late
		sight(900, tcp.FinWait1, tcp.TimerRetransmit, 2, 766),
	)
	read := readTimers(stages, window, 250)
	assert.Equal(t, between{at(-8), at(5)}, read.began)
	require.Len(t, read.lags, 3)
	// Three ticks and a millisecond are doubt; the wheel excuses 4, 4 and 32 ms.
	for i, want := range []int{0 + 13, 26 + 13, 0} {
		assert.Equal(t, time.Duration(want)*time.Millisecond, read.lags[i].late, "lag %d", i)
	}

	log := &overshootLog{}
	late := lateness(between{at(0), at(1)}, read.lags, 250, log)
	assert.Equal(t, 3*tick, late(span(404, 420)), "the process saw nothing late")
	log.record(at(800), 50*time.Millisecond) // nearby
	assert.Equal(t, read.lags[1].late, late(span(404, 420)))
	log.record(at(5000), 70*time.Millisecond)
	assert.Equal(t, 70*time.Millisecond, late(span(4990, 5010)), "by the measure of the process")

	// An interval three times too long is no lateness: the look after it shows
	// when the timer before had fired.
	tripled := sightings(
		sight(0, tcp.FinWait1, tcp.TimerRetransmit, 0, 204), sight(205, tcp.FinWait1, tcp.TimerRetransmit, 0, 204), sight(410, tcp.FinWait1, tcp.TimerRetransmit, 1, 1224))
	read = readTimers(tripled, window, 250)
	require.Len(t, read.lags, 2)
	assert.LessOrEqual(t, read.lags[1].late, 3*tick)

	// With the probe's arming unseen it is uncertain which arming the first is.
	read = readTimers(stages[1:], window, 250)
	assert.True(t, read.began.from.IsZero())
	assert.Len(t, read.lags, 1)
}

// A duration is as uncertain as both of its ends.
func TestBetween(t *testing.T) {
	assert.Equal(t, tcp.Span{Min: 85 * time.Millisecond, Max: 110 * time.Millisecond},
		between{at(100), at(120)}.since(between{at(10), at(15)}))
	assert.Equal(t, tcp.Span{Max: 5 * time.Millisecond}, between{at(10), at(15)}.since(between{at(10), at(15)}), "never negative")
}

// The nearer something is, the closer the look; never past it by more than a
// millisecond.
func TestNear(t *testing.T) {
	moments := []time.Time{at(1000)}
	assert.Equal(t, 500*time.Millisecond, near(at(-10_000), moments, longestPause))
	assert.Equal(t, 100*time.Millisecond, near(at(600), moments, longestPause))
	assert.Equal(t, 100*time.Millisecond, near(at(1400), moments, longestPause))
	assert.Equal(t, time.Millisecond, near(at(999), moments, longestPause))
	assert.Equal(t, 10*time.Millisecond, near(at(600), moments, closePause))
	now := at(-60_000)
	for now.Before(moments[0]) {
		now = now.Add(near(now, moments, longestPause))
	}
	assert.Less(t, now.Sub(moments[0]), 2*time.Millisecond)
}

// Who waits gives up after a look that came too late, not before one.
func TestAwait(t *testing.T) {
	w := &watcher{
		alarm: waiting(t), tick: tick, changed: make(chan struct{}), done: make(chan struct{}), looked: at(10),
		stages: sightings(sight(0, tcp.FinWait1, tcp.TimerNone, 0, 0)),
	}
	gone := func(stages []stage) bool { return stages[len(stages)-1].state == tcp.Gone }
	_, err := w.await(at(9), gone)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	go w.tell(func() { w.looked = at(5000); w.add(sight(5000, tcp.Gone, tcp.TimerNone, 0, 0)) })
	_, err = w.await(at(20), gone)
	assert.NoError(t, err, "a look long after the deadline, the first after it, brought it")
	close(w.done)
	_, err = w.await(at(6000), func([]stage) bool { return false })
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestOvershoots(t *testing.T) {
	var log overshootLog
	log.record(at(1000), 300*time.Millisecond)
	log.record(at(5000), 2*time.Millisecond)
	log.record(at(5010), -time.Millisecond)
	assert.Equal(t, 300*time.Millisecond, log.worst(at(750), at(760)), "held up since it was due")
	assert.Equal(t, 300*time.Millisecond, log.worst(at(0), at(6000)))
	assert.Equal(t, 2*time.Millisecond, log.worst(at(4950), at(5050)))
	assert.Zero(t, log.worst(at(2000), at(3000)))
}
