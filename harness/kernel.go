package harness

import (
	"fmt"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// oldestKernel is the first release whose timers the model was read in.
var oldestKernel = [2]int{5, 10}

// kernel is what the predictions depend on besides settings.
type kernel struct {
	release      string
	major, minor int
	hz           tcp.HZ
}

func (k kernel) String() string { return fmt.Sprintf("Linux %s, HZ %d", k.release, k.hz) }

// older reports whether the kernel precedes the release.
func (k kernel) older(release [2]int) bool {
	return k.major < release[0] || k.major == release[0] && k.minor < release[1]
}

// thisKernel reads the release, and the tick rate from the resolution of the
// coarse clock, which advances once a tick.
func thisKernel() (kernel, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return kernel{}, fmt.Errorf("asking for the kernel's release: %w", err)
	}
	var resolution unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &resolution); err != nil {
		return kernel{}, fmt.Errorf("asking for the kernel's tick: %w", err)
	}
	k := kernel{
		release: unix.ByteSliceToString(name.Release[:]),
		hz:      tcp.HZ((time.Second + time.Duration(resolution.Nano())/2) / time.Duration(resolution.Nano())),
	}
	if _, err := fmt.Sscanf(k.release, "%d.%d", &k.major, &k.minor); err != nil {
		return kernel{}, fmt.Errorf("reading the kernel's release %q: %w", k.release, err)
	}
	return k, nil
}
