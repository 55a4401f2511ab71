package harness

import (
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One passes at a time, the most urgent first, and whoever comes late passes, too.
func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pause = 20 * time.Millisecond
		g := &gate{pause: pause, sleep: func(d time.Duration) error { time.Sleep(d); return nil }}
		begin := time.Now()
		passed := map[time.Duration]time.Duration{}
		var mu sync.Mutex
		var group sync.WaitGroup
		for _, priority := range []time.Duration{1, 3, 2} {
			group.Go(func() {
				assert.NoError(t, g.wait(priority))
				mu.Lock()
				defer mu.Unlock()
				passed[priority] = time.Since(begin)
			})
		}
		group.Wait()
		assert.Equal(t, map[time.Duration]time.Duration{3: pause, 2: 2 * pause, 1: 3 * pause}, passed)

		assert.NoError(t, g.wait(1))
		assert.NoError(t, g.wait(1))
		assert.Equal(t, 3*pause+2*leisure*pause, time.Since(begin), "nothing is in a hurry")
	})
}

// Where no pause can be made nobody passes, and all are told why.
func TestGateRefuses(t *testing.T) {
	t.Parallel()
	g := &gate{pause: time.Millisecond, sleep: func(time.Duration) error { return os.ErrClosed }}
	for range 2 {
		require.ErrorIs(t, g.wait(1), os.ErrClosed)
	}
}

// What takes no longer than the run does anyway is let through with longer
// pauses; what would make it longer is not.
func TestGateSpreads(t *testing.T) {
	t.Parallel()
	now := time.Now()
	short := func(n int) []waiter { return make([]waiter, n) }
	for _, test := range []struct {
		name    string
		end     time.Duration
		waiting []waiter
		want    time.Duration
	}{
		{"nobody waits", time.Hour, nil, 150 * time.Millisecond},
		{"leisure", time.Hour, short(100), 150 * time.Millisecond},
		{"just enough", unwatched + 5*time.Second, short(100), 50 * time.Millisecond},
		{"no time", unwatched, short(100), 15 * time.Millisecond},
		{"one in a hurry", 2 * time.Minute, append([]waiter{{priority: 2 * time.Minute}}, short(10)...), 15 * time.Millisecond},
	} {
		g := &gate{pause: 15 * time.Millisecond}
		g.waiting, g.end = test.waiting, now.Add(test.end)
		assert.Equal(t, test.want, g.spread(now), test.name)
	}
}
