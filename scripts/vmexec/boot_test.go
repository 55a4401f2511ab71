package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inGuest has the tests of a guest do what they are for; elsewhere they do nothing.
var inGuest = flag.Bool("guest", false, "run as a test of a guest")

// sleeper is how long the guest sleeps: more than anybody would wait.
const sleeper = 30 * time.Minute

// TestMain is the program, too: the tests boot themselves.
func TestMain(m *testing.M) {
	if isGuest() || len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "-kernel=") {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a guest may take that ends by itself: QEMU boots in 10 s of a
// processor, which it may have to share.
const patience = 3 * time.Minute

// vmexec runs one of the tests named TestGuest in a guest, in virtual time.
func vmexec(t *testing.T, limit time.Duration, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return vmexecOf(t, limit, self, append([]string{"-guest"}, args...)...)
}

// vmexecOf runs any test.
func vmexecOf(t *testing.T, limit time.Duration, binary string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args = append(append(requireKernel(t), "-virtual-time", "-limit="+limit.String(), binary), args...)
	return exec.Command(self, args...)
}

func TestGuestSleeps(t *testing.T) {
	if *inGuest {
		assert.Empty(t, os.Getenv("FINWAIT_CALLED_BY"))
		begin := time.Now()
		<-time.After(sleeper)
		t.Logf("slept for %v", time.Since(begin).Round(time.Second))
	}
}

// What spares the guest work is there.
func TestGuestIsFurnished(t *testing.T) {
	if *inGuest {
		_, err := os.Stat(loaderCache)
		require.NoError(t, err)
		tunnels, err := os.ReadFile(fallbackTunnels)
		require.NoError(t, err)
		assert.Equal(t, "1\n", string(tunnels))
	}
}

func TestGuestPanics(t *testing.T) {
	if *inGuest {
		require.NoError(t, os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0o200))
	}
}

func TestGuestComplains(t *testing.T) {
	if *inGuest {
		require.NoError(t, os.WriteFile("/dev/kmsg", []byte("<4>WARNING: CPU: 0 PID: 1 at made/up.c:1"), 0o200))
	}
}

func TestGuestEatsMemory(t *testing.T) {
	var eaten [][]byte
	for *inGuest {
		eaten = append(eaten, bytes.Repeat([]byte{byte(len(eaten))}, 1<<20))
	}
}

func TestGuestHangs(t *testing.T) {
	if *inGuest {
		fmt.Println("hangs")
	}
	for *inGuest {
		runtime.Gosched()
	}
}

func TestBoots(t *testing.T) {
	run := "GuestSleeps"
	if _, err := os.Stat(loaderCache); err == nil { // glibc's
		run += "|GuestIsFurnished"
	}
	begin := time.Now()
	out, err := vmexec(t, patience, "-test.v", "-test.run="+run, "-test.timeout=1s").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "slept for 30m0s")
	assert.Less(t, time.Since(begin), time.Minute)
}

// A guest that has no result to give says what it knows instead.
func TestNoPass(t *testing.T) {
	for _, c := range []struct {
		test   string
		limit  time.Duration
		says   string
		status int
	}{
		{"GuestPanics", patience, "the kernel panicked", statusLost},
		{"GuestComplains", patience, "the kernel complained while the test ran", statusComplaint},
		{"GuestEatsMemory", patience, "ran out of its 1024 MiB of memory", statusLost},
		{"GuestHangs", 40 * time.Second, "has not ended within 40s of the host's time", statusLost},
	} {
		t.Run(c.test, func(t *testing.T) {
			t.Parallel()
			out, err := vmexec(t, c.limit, "-test.run="+c.test).CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", out)
			assert.Equal(t, c.status, exit.ExitCode(), "%s", out)
			assert.Contains(t, string(out), c.says)
		})
	}
}
