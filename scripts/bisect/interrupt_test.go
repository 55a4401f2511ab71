package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInterruptIsNoAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, interrupted, answerOf(ctx, []string{"-run=."}))
}

// An interrupt of a build ends all of it.
func TestInterruptEndsTheBuild(t *testing.T) {
	h := newHistory(t, requireTree(t), "Kconfig")
	cache := t.TempDir()
	command := h.command(requireProgram(t), "-run=TestFinWait1Reaped$")
	command.Env = append(command.Env, "XDG_CACHE_HOME="+cache)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, command.Start())
	require.Eventually(t, func() bool {
		logs, err := filepath.Glob(filepath.Join(cache, "finwait", "bisect", "*", "build.log"))
		if err != nil || len(logs) != 1 {
			return false
		}
		info, err := os.Stat(logs[0])
		return err == nil && info.Size() > 0
	}, time.Minute, 10*time.Millisecond, "the build has not begun")
	begun := time.Now()
	require.NoError(t, command.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	require.ErrorAs(t, command.Wait(), &exit)
	assert.Equal(t, int(interrupted), exit.ExitCode())
	assert.Less(t, time.Since(begun), 10*time.Second)
	// What is orphaned is still there until init has waited for it.
	gone := func() bool { return errors.Is(syscall.Kill(-command.Process.Pid, 0), syscall.ESRCH) }
	assert.Eventually(t, gone, 10*time.Second, 10*time.Millisecond, "a process is left")
}

// Without gcc no commit can be built, and git bisect must not skip them all.
func TestNoCompilerStops(t *testing.T) {
	h := newHistory(t, requireTree(t), "Kconfig")
	git, err := exec.LookPath("git")
	require.NoError(t, err)
	path := t.TempDir()
	require.NoError(t, os.Symlink(git, filepath.Join(path, "git")))
	command := h.command(requireProgram(t), "-run=TestFinWait1Reaped$")
	command.Env = append(command.Env, "XDG_CACHE_HOME="+t.TempDir(), "PATH="+path)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, int(stop), exit.ExitCode())
	assert.Contains(t, string(out), "apt-get install gcc")
}
