package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What counts the guest's time or names files of the host stays there; what is
// written is known by its path on the host.
func TestNewTask(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "cases")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o644))

	got := newTask(dir, []string{
		"/tmp/b001/cases.test", "-test.testlogfile=/tmp/b001/testlog.txt", "-test.paniconexit0", "-test.timeout=10m0s",
		"--test.timeout", "5m", "-test.outputdir=" + root, "-test.cpuprofile=cpu.out", "-test.gocoverdir=/tmp/b001/cover",
		"-test.coverprofile", "/tmp/b001/_cover_.out", "-test.artifacts", "-report=build/report", "-settings", "my.conf", "-watch=3h", "-test.short=true",
	})

	assert.Equal(t, task{
		binary: "/tmp/b001/cases.test", dir: dir, root: root,
		args: []string{
			"-test.paniconexit0", "-test.outputdir=" + root, "-test.cpuprofile=cpu.out", "-test.gocoverdir=/tmp/b001/cover",
			"-test.coverprofile", "/tmp/b001/_cover_.out", "-test.artifacts", "-report=build/report", "-settings", "my.conf", "-watch=3h", "-test.short=true",
		},
		settings: filepath.Join(root, "my.conf"), report: filepath.Join(root, "build/report"),
		outputs: []string{filepath.Join(root, "cpu.out"), "/tmp/b001/cover", "/tmp/b001/_cover_.out", filepath.Join(root, "_artifacts")},
	}, got)
}

// Without anything of that there is nothing to bring back.
func TestNewTaskPlain(t *testing.T) {
	dir := t.TempDir()
	got := newTask(dir, []string{"x.test", "-test.artifacts=false", "-test.run=A"})
	assert.Equal(t, task{binary: filepath.Join(dir, "x.test"), dir: dir, root: dir, args: []string{"-test.artifacts=false", "-test.run=A"}}, got)
}

// The guest is nobody's child, and has files of its own.
func TestGuestEnv(t *testing.T) {
	got := guestEnv([]string{"A=1", "FINWAIT_CALLED_BY=17", "PATH=/bin", "GITHUB_STEP_SUMMARY=/x", "FINWAIT_VIRTUAL_TIME=1"}, false)
	assert.Equal(t, []string{"A=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TMPDIR=/tmp"}, got)
	assert.Contains(t, guestEnv(nil, true), "FINWAIT_VIRTUAL_TIME=1")
}
