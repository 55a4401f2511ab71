package harness

import (
	"os"
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
		woken, err := a.wait(2 * time.Millisecond)
		require.NoError(t, err)
		assert.False(t, woken)
		assert.GreaterOrEqual(t, time.Since(begun), 2*time.Millisecond)
	}
	require.NoError(t, a.close())
}

// It is woken by what comes while it waits, and by what came before.
func TestAlarmIsWoken(t *testing.T) {
	t.Parallel()
	a := waiting(t)
	require.NoError(t, a.wake(1))
	require.NoError(t, a.wake(1))
	woken, err := a.wait(time.Hour)
	require.NoError(t, err)
	assert.True(t, woken)
	for range 1000 {
		go func() { assert.NoError(t, a.wake(1)) }()
		for !woken { // the event of the wake before may come late
			woken, err = a.wait(time.Hour)
			require.NoError(t, err)
		}
		woken = false
	}
	require.NoError(t, a.close())
}

func TestAlarmIsClosed(t *testing.T) {
	t.Parallel()
	a := waiting(t)
	ended := make(chan error)
	go func() {
		_, err := a.wait(time.Hour)
		ended <- err
	}()
	require.NoError(t, a.close())
	assert.ErrorIs(t, <-ended, os.ErrClosed)
	_, err := a.wait(time.Hour)
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.ErrorIs(t, a.wake(1), os.ErrClosed)
}
