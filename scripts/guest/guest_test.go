package guest

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot be compiled is told with the compiler's words.
func TestCompileFails(t *testing.T) {
	t.Parallel()
	err := Compile(t.Context(), "../..", t.TempDir(), "nothing")
	require.ErrorContains(t, err, "go build -o ")
	assert.ErrorContains(t, err, "scripts/nothing")
}

// A program is told to end, and may say so by its status.
func TestCommandIsToldToEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	command := Command(ctx, "sleep", "60")
	require.NoError(t, command.Start())
	begin := time.Now()
	cancel()
	var exit *exec.ExitError
	require.ErrorAs(t, command.Wait(), &exit)
	assert.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
	assert.Less(t, time.Since(begin), 10*time.Second)
}
