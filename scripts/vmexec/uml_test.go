package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// Memory of a User Mode Linux is a file that is also run.
func TestHoldsMemory(t *testing.T) {
	const page = 4096
	for _, c := range []struct {
		free  uint64 // in MiB
		flags int64
		holds bool
	}{
		{free: 2 * memory, holds: true},
		{free: 2 * memory, flags: unix.MS_NOSUID | unix.MS_NODEV, holds: true},
		{free: 2 * memory, flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{free: memory / 2},
	} {
		fs := unix.Statfs_t{Bsize: page, Bavail: c.free << 20 / page, Flags: c.flags}
		assert.Equal(t, c.holds, holdsMemory(&fs), "%+v", c)
	}
}
