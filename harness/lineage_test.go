package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLineage(t *testing.T) {
	for name, row := range map[string]struct {
		processes map[int]process
		want      []int
	}{
		"make in a shell": {map[int]process{
			9: {"cases.test", 8, 7}, 8: {"go", 7, 7}, 7: {"make", 3, 7}, 3: {"bash", 2, 3},
		}, []int{8, 7}},
		"sudo with a terminal of its own": {map[int]process{
			9: {"cases.test", 8, 9}, 8: {"sudo", 7, 8}, 7: {"sudo", 6, 6}, 6: {"make", 3, 6}, 3: {"bash", 2, 3},
		}, []int{8, 7, 6}},
		"a script without job control": {map[int]process{
			9: {"cases.test", 8, 5}, 8: {"go", 5, 5}, 5: {"sh", 1, 5},
		}, []int{8, 5}},
		"a parent in another group": {map[int]process{
			9: {"cases.test", 8, 9}, 8: {"runner", 5, 8}, 5: {"sh", 1, 5},
		}, []int{8}},
		"orphaned": {map[int]process{9: {"cases.test", 1, 9}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(pid int) (process, error) {
				if p, found := row.processes[pid]; found {
					return p, nil
				}
				return process{}, os.ErrNotExist
			}
			assert.Equal(t, row.want, lineage(9, read))
		})
	}
}

func TestReadProcess(t *testing.T) {
	self, err := readProcess(os.Getpid())
	require.NoError(t, err)
	assert.Equal(t, os.Getppid(), self.parent)
	assert.NotEmpty(t, self.name)
	_, err = readProcess(1 << 30)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestCallers(t *testing.T) {
	for text, want := range map[string][]int{"": nil, " 12  7": {12, 7}, "1 9": {9}} {
		pids, err := callers(text)
		require.NoError(t, err)
		assert.Equal(t, want, pids, text)
	}
	for _, text := range []string{"make", "12,7", "0", "-3"} {
		_, err := callers(text)
		assert.ErrorContains(t, err, "FINWAIT_CALLED_BY=", text)
	}
}

// A caller that was gone before the run began ends it at once.
func TestCallerIsGone(t *testing.T) {
	caller := exec.Command("true")
	require.NoError(t, caller.Run())
	t.Setenv(calledBy, strconv.Itoa(caller.Process.Pid))
	assert.EqualError(t, dieWithParent(), fmt.Sprintf("process %d, which started this run, is gone", caller.Process.Pid))
}
