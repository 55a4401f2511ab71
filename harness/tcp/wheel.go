package tcp

import "time"

// HZ is the kernel's tick rate: 100, 250, 300 or 1000 per second.
type HZ int

// Tick is the length of a jiffy.
func (hz HZ) Tick() time.Duration { return hz.jiffies(1) }

// Ceil rounds d up to whole jiffies, as usecs_to_jiffies and msecs_to_jiffies
// do.
func (hz HZ) Ceil(d time.Duration) time.Duration { return hz.jiffies(hz.count(d)) }

// count is the number of jiffies in d, rounded up. A remainder below HZ
// nanoseconds is the rounding of a tick that is no whole number of them.
func (hz HZ) count(d time.Duration) int64 {
	second, ticks := int64(time.Second), int64(hz)
	return int64(d)/second*ticks + (int64(d)%second*ticks+second-ticks)/second
}

func (hz HZ) jiffies(n int64) time.Duration {
	second, ticks := int64(time.Second), int64(hz)
	return time.Duration(n/ticks*second + n%ticks*second/ticks)
}

// Lateness is the most by which a timer armed for d fires after d when nothing
// else delays it. A timer never fires early.
//
// The timer wheel has levels of 64 buckets, each level eight times coarser
// than the one before; a timer goes into the finest level that reaches its
// expiry and fires with its bucket, rounded up (calc_wheel_index and calc_index
// in kernel/time/timer.c, Linux 5.10 to 7.3). Nothing cascades, so the
// lateness is settled when the timer is armed.
func (hz HZ) Lateness(d time.Duration) time.Duration {
	const levelBuckets = 63
	delta := hz.count(d)
	granularity, limit := int64(1), int64(levelBuckets)
	for level := 0; delta >= limit && level < wheelLevels(hz)-1; level++ {
		granularity *= 8
		limit *= 8
	}
	return hz.jiffies(granularity)
}

// wheelLevels is LVL_DEPTH.
func wheelLevels(hz HZ) int {
	if hz > 100 {
		return 9
	}
	return 8
}
