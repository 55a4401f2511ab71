package harness

import (
	"fmt"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// oldestKernel is the first release whose timers the model was read in.
var oldestKernel = tcp.Release{Major: 5, Minor: 10}

// kernel is what the predictions depend on besides settings.
type kernel struct {
	release string
	version tcp.Release
	hz      tcp.HZ
	// defaults are the settings that a new namespace has.
	defaults tcp.Settings
}

func (k kernel) String() string { return fmt.Sprintf("Linux %s, HZ %d", k.release, k.hz) }

// thisKernel reads the release, and the tick rate from the resolution of the
// coarse clock, which advances once a tick.
var thisKernel = sync.OnceValues(func() (kernel, error) {
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
	var err error
	if k.version, err = tcp.ParseRelease(k.release); err != nil {
		return kernel{}, fmt.Errorf("reading the kernel's release: %w", err)
	}
	k.defaults = tcp.DefaultSettings()
	for _, name := range tcp.SysctlNames() {
		exists, err := hasSysctl(name)
		if err != nil {
			return kernel{}, err
		}
		if !exists {
			k.defaults.SetAbsent(name)
		}
	}
	return k, nil
})
