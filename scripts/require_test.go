package scripts

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// requireRoot skips the test where it is not run by root.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// requireCatalogueHZ skips the test on a kernel with another tick rate than the
// one that the catalogue gives times for.
func requireCatalogueHZ(t *testing.T) {
	t.Helper()
	const catalogueHZ = 250
	var resolution unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &resolution); err != nil {
		t.Fatal(err)
	}
	if resolution.Nano() != int64(time.Second)/catalogueHZ {
		t.Skipf("the catalogue's times are those of HZ %d", catalogueHZ)
	}
	if _, err := os.Stat("/proc/sys/net/ipv4/tcp_rto_max_ms"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the catalogue's times are those of Linux 6.15 and later")
	}
}
