package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// However vmexec is ended, the guest ends at once, with all its processes.
func TestInterrupt(t *testing.T) {
	for _, signal := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGKILL} {
		t.Run(unix.SignalName(signal), func(t *testing.T) {
			command := vmexec(t, patience, "-test.run=GuestHangs")
			var says strings.Builder
			command.Stderr = &says
			printed, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			line, _ := bufio.NewReader(printed).ReadString('\n') // the end of vmexec ends it, too
			processes := descendants(t, command.Process.Pid)
			begin := time.Now()
			require.NoError(t, command.Process.Signal(signal))
			err = command.Wait()
			assert.Less(t, time.Since(begin), 10*time.Second)

			require.Equal(t, "hangs", strings.TrimSpace(line), says.String())
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, says.String())
			if signal == unix.SIGKILL {
				assert.Equal(t, -1, exit.ExitCode())
			} else {
				assert.Equal(t, 128+int(signal), exit.ExitCode(), says.String())
			}
			require.NotEmpty(t, processes, "the guest has run as a process")
			assert.Eventually(t, func() bool { return len(alive(t, processes)) == 0 }, 10*time.Second, 10*time.Millisecond)
			assert.Empty(t, alive(t, processes), "of %v", processes)
		})
	}
}

// descendants are the processes that a process has started, and those that they have;
// the kernel lists them if it has CONFIG_PROC_CHILDREN.
func descendants(t *testing.T, process int) []int {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", process))
	require.NoError(t, err)
	var all []int
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if gone(err) {
			continue
		}
		require.NoError(t, err)
		for _, field := range strings.Fields(string(text)) {
			var child int
			_, err := fmt.Sscan(field, &child)
			require.NoError(t, err)
			all = append(append(all, child), descendants(t, child)...)
		}
	}
	return all
}

// alive are those that have not ended; what nobody has waited for has.
func alive(t *testing.T, processes []int) []int {
	var found []int
	for _, process := range processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
		if gone(err) {
			continue
		}
		require.NoError(t, err)
		_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')'):], []byte(" "))
		if !bytes.HasPrefix(state, []byte("Z")) {
			found = append(found, process)
		}
	}
	return found
}

// gone reports whether what was read of a process in /proc says that it is not there.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }
