package main

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func affinity(t *testing.T) unix.CPUSet {
	t.Helper()
	var set unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &set))
	return set
}

// A guest has one processor, the next guest another one, and this thread its own again.
func TestTakeProcessor(t *testing.T) {
	was := processorName
	defer func() { processorName = was }()
	processorName = fmt.Sprintf("@finwait-test-%d-%%d", os.Getpid()) // which no guest of the machine has taken
	runtime.LockOSThread()                                           // never unlocked: the thread ends with the test
	before := affinity(t)
	restore, err := takeProcessor()
	require.NoError(t, err)
	first := affinity(t)
	assert.Equal(t, 1, first.Count())
	require.NoError(t, restore())
	assert.Equal(t, before, affinity(t))

	if before.Count() == 1 {
		return
	}
	restore, err = takeProcessor()
	require.NoError(t, err)
	assert.NotEqual(t, first, affinity(t))
	require.NoError(t, restore())
	assert.True(t, before.IsSet(freeProcessor(&before)), "where all are taken, too")
}
