package harness

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func waiting(t *testing.T) *alarm {
	t.Helper()
	a, err := newAlarm()
	require.NoError(t, err)
	return a
}

func TestAlarm(t *testing.T) {
	t.Parallel()
	a := waiting(t)
	for range 3 {
		begun := time.Now()
		require.NoError(t, a.wait(2*time.Millisecond))
		assert.GreaterOrEqual(t, time.Since(begun), 2*time.Millisecond)
	}
	require.NoError(t, a.close())
}

// It is woken by what comes while it waits, and by what came before.
func TestAlarmIsWoken(t *testing.T) {
	t.Parallel()
	a := waiting(t)
	require.NoError(t, a.wake())
	require.NoError(t, a.wake())
	require.NoError(t, a.wait(time.Hour))
	var wakers sync.WaitGroup
	for range 1000 {
		var woken atomic.Bool
		wakers.Go(func() {
			woken.Store(true)
			assert.NoError(t, a.wake())
		})
		for !woken.Load() { // what the wake before left may end a wait
			require.NoError(t, a.wait(time.Hour))
		}
	}
	wakers.Wait()
	require.NoError(t, a.close())
}

func TestAlarmIsClosed(t *testing.T) {
	t.Parallel()
	a := waiting(t)
	ended := make(chan error)
	go func() {
		ended <- a.wait(time.Hour)
	}()
	require.NoError(t, a.close())
	assert.ErrorIs(t, <-ended, os.ErrClosed)
	assert.ErrorIs(t, a.wait(time.Hour), os.ErrClosed)
	assert.ErrorIs(t, a.wake(), os.ErrClosed)
}
