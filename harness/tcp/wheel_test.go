package tcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLateness(t *testing.T) {
	for _, row := range []struct {
		delay    time.Duration
		at       HZ
		lateness time.Duration
	}{
		{200 * time.Millisecond, 100, 10 * time.Millisecond},
		{200 * time.Millisecond, 250, 4 * time.Millisecond},
		{200 * time.Millisecond, 1000, 8 * time.Millisecond},
		{time.Second, 250, 32 * time.Millisecond},
		{2 * time.Second, 250, 32 * time.Millisecond}, // 500 jiffies, just below a level
		{3 * time.Second, 250, 256 * time.Millisecond},
		{5 * time.Second, 1000, 512 * time.Millisecond},
		{60 * time.Second, 100, 5120 * time.Millisecond},
		{60 * time.Second, 250, 2048 * time.Millisecond},
		{60 * time.Second, 1000, 4096 * time.Millisecond},
		{2 * time.Hour, 100, 327680 * time.Millisecond},
	} {
		assert.Equal(t, row.lateness, row.at.Lateness(row.delay), fmt.Sprint(row.delay, " at HZ ", int(row.at)))
	}
}

func TestCeil(t *testing.T) {
	assert.Equal(t, 204*time.Millisecond, HZ(250).Ceil(200*time.Millisecond+time.Microsecond))
	assert.Equal(t, 200*time.Millisecond, HZ(250).Ceil(200*time.Millisecond))
	assert.Equal(t, time.Duration(0), HZ(250).Ceil(0))
	assert.Equal(t, maxSeconds*time.Second, HZ(1000).Ceil(maxSeconds*time.Second), "the greatest that a sysctl holds")
	// A tick of HZ 300 is no whole number of nanoseconds, nor of the
	// microseconds in which TCP_INFO reports it.
	for n := range int64(1000) {
		d := HZ(300).jiffies(n)
		assert.Equal(t, n, HZ(300).count(d))
		assert.Equal(t, n, HZ(300).count(d.Truncate(time.Microsecond)))
	}
}
