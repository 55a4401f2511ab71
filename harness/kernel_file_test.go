package harness

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestKernelFile(t *testing.T) {
	t.Parallel()
	const path = "/proc/version"
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	got, err := readKernelFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)

	file, err := openKernelFile(path)
	require.NoError(t, err)
	for range 2 {
		got, err = file.read(make([]byte, len(want)+1))
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "from the start each time")
	}
	_, err = file.read(make([]byte, len(want)))
	assert.ErrorIs(t, err, unix.EFBIG, "it may go on")
	got, err = file.begin(make([]byte, len("Linux")))
	require.NoError(t, err)
	assert.Equal(t, "Linux", got)
	require.NoError(t, file.close())

	_, err = readKernelFile("/proc/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "/proc/none")
	_, err = readKernelFile("/proc")
	assert.ErrorContains(t, err, "read /proc: is a directory")
}
