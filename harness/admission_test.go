package harness

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// One passes at a time, the most urgent first, and whoever comes late passes, too.
func TestGate(t *testing.T) {
	t.Parallel()
	g := newGate(20 * time.Millisecond)
	var mu sync.Mutex
	var order []time.Duration
	var group sync.WaitGroup
	for _, priority := range []time.Duration{1, 3, 2} {
		group.Go(func() {
			g.wait(priority)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, priority)
		})
	}
	group.Wait()
	assert.Equal(t, []time.Duration{3, 2, 1}, order)

	begin := time.Now()
	g.wait(1)
	g.wait(1)
	assert.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
}
