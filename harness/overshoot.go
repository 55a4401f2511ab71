package harness

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// overshoots is how late this machine is, by when. It is measured for the whole
// process, by whoever waits for a timer, and by a probe on every processor. It
// includes the wait for a processor, which timers of the kernel do not have.
var overshoots overshootLog

const overshootBucket = 100 * time.Millisecond

type overshootLog struct {
	mu      sync.Mutex
	buckets []time.Duration // the worst since the epoch, one for each overshootBucket
}

// record notes a wake-up that came late.
func (l *overshootLog) record(awake time.Time, late time.Duration) {
	if late <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// The lateness may have held everything up since the timer was due.
	first, last := bucket(awake.Add(-late)), bucket(awake)
	if more := last + 1 - len(l.buckets); more > 0 {
		l.buckets = append(l.buckets, make([]time.Duration, more)...)
	}
	for at := first; at <= last; at++ {
		l.buckets[at] = max(l.buckets[at], late)
	}
}

// worst is the largest overshoot between the two moments.
func (l *overshootLog) worst(from, to time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	worst := time.Duration(0)
	for at := bucket(from); at <= min(bucket(to), len(l.buckets)-1); at++ {
		worst = max(worst, l.buckets[at])
	}
	return worst
}

// epoch is before anything is measured, and makes the buckets monotonic.
var epoch = time.Now()

// bucket is the number of the one that the moment falls into.
func bucket(at time.Time) int { return int(max(0, at.Sub(epoch)) / overshootBucket) }

// probeOvershoot starts the probes, once; none where time is virtual.
var probeOvershoot = sync.OnceValue(func() error {
	if virtualTime() {
		return nil
	}
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("asking for the processors: %w", err)
	}
	for cpu, left := 0, allowed.Count(); left > 0; cpu++ {
		if !allowed.IsSet(cpu) {
			continue
		}
		left--
		started := make(chan error)
		go probeProcessor(cpu, kernel.hz, started)
		if err := <-started; err != nil {
			return fmt.Errorf("measuring the lateness of processor %d: %w", cpu, err)
		}
	}
	return nil
})

// probeTicks is a delay in the finest level of the timer wheel: of those below
// 5 ms the longest. Go's monitor takes its P from a goroutine that has not been
// scheduled for 10 ms and is in a system call, and then looks out for the next
// every 20 µs, which costs more than all that is measured (sysmon and retake in
// runtime/proc.go, Go 1.26).
func probeTicks(hz tcp.HZ) time.Duration { return max(1, 5*time.Millisecond/hz.Tick()) }

// probeProcessor measures for the life of the process how late the timer wheel
// of one processor is: the receive timeout of a socket is a timer of that
// wheel (schedule_timeout, Linux 5.10 to 7.3), like those of TCP, and unlike
// the high-resolution timers that a sleep waits for.
func probeProcessor(cpu int, hz tcp.HZ, started chan<- error) {
	runtime.LockOSThread()
	fd, err := processorTimer(cpu, hz)
	started <- err
	if err != nil {
		return
	}
	delay := probeTicks(hz) * hz.Tick()
	ideal := delay + hz.Lateness(delay)
	for {
		runtime.Gosched() // for the monitor: scheduled anew
		asleep := time.Now()
		_, _, err := unix.Recvfrom(fd, nil, 0)
		awake := time.Now()
		switch {
		case errors.Is(err, unix.EAGAIN):
			overshoots.record(awake, awake.Sub(asleep)-ideal)
		case !errors.Is(err, unix.EINTR):
			return
		}
	}
}

// processorTimer binds the thread to a processor and opens a socket whose
// receive always times out.
func processorTimer(cpu int, hz tcp.HZ) (int, error) {
	var only unix.CPUSet
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	// Truncated to whole microseconds, so that sock_set_timeout, which rounds
	// up, makes no jiffy more of it.
	timeval := unix.Timeval{Usec: int64(probeTicks(hz)) * (int64(time.Second/time.Microsecond) / int64(hz))}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeval); err != nil {
		return 0, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
