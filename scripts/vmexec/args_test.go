package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

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

	got, err := newTask(dir, []string{
		"/tmp/b001/cases.test", "-test.testlogfile=/tmp/b001/testlog.txt", "-test.paniconexit0", "-test.timeout=10m0s",
		"--test.timeout", "5m", "-test.outputdir=" + root, "-test.cpuprofile=cpu.out", "-test.gocoverdir=/tmp/b001/cover",
		"-test.coverprofile", "/tmp/b001/_cover_.out", "-test.artifacts", "-report=build/report", "-settings", "my.conf", "-watch=3h", "-test.short=true",
	})

	require.NoError(t, err)
	assert.Equal(t, task{
		binary: "/tmp/b001/cases.test", dir: dir, root: root,
		args: []string{
			"-test.paniconexit0", "-test.outputdir=" + root, "-test.cpuprofile=cpu.out", "-test.gocoverdir=/tmp/b001/cover",
			"-test.coverprofile", "/tmp/b001/_cover_.out", "-test.artifacts", "-report=build/report", "-settings", "my.conf", "-watch=3h", "-test.short=true",
		},
		settings: filepath.Join(root, "my.conf"), report: filepath.Join(root, "build/report"),
		outputs: []string{filepath.Join(root, "cpu.out"), "/tmp/b001/cover", "/tmp/b001/_cover_.out", filepath.Join(root, "_artifacts")},
		timeout: 5 * time.Minute,
	}, got)
}

// Profiles are written to where -test.outputdir says, but not that of coverage.
func TestNewTaskOutputs(t *testing.T) {
	got, err := newTask("/cases", []string{"x.test", "-test.outputdir=/out", "-test.coverprofile=cover.out", "-test.memprofile=mem.out", "-test.gocoverdir=cover"})
	require.NoError(t, err)
	assert.Equal(t, []string{"/cases/cover.out", "/out/mem.out", "/cases/cover"}, got.outputs)
}

// Without anything of that there is nothing to bring back.
func TestNewTaskPlain(t *testing.T) {
	dir := t.TempDir()
	got, err := newTask(dir, []string{"x.test", "-test.artifacts=false", "-test.run=A"})
	require.NoError(t, err)
	assert.Equal(t, task{binary: filepath.Join(dir, "x.test"), dir: dir, root: dir, args: []string{"-test.artifacts=false", "-test.run=A"}}, got)
}

func TestNewTaskRefuses(t *testing.T) {
	_, err := newTask(t.TempDir(), []string{"x.test", "-test.timeout=10"})
	require.ErrorContains(t, err, "reading -test.timeout: time: missing unit")
}

// Who gives more time to vmexec alone is told that go test does not wait for it.
func TestWarning(t *testing.T) {
	for _, c := range []struct {
		timeout, limit time.Duration
		says           string
	}{
		{10 * time.Minute, 40 * time.Minute, "go test ends this run a minute after its -timeout=10m0s, in the host's time: for -limit=40m0s give it -timeout=40m0s as well"},
		{timeout: 10 * time.Minute, limit: 10 * time.Minute},
		{timeout: 40 * time.Minute, limit: 10 * time.Minute},
		{timeout: 0, limit: 10 * time.Minute},
	} {
		assert.Equal(t, c.says, task{timeout: c.timeout}.warning(c.limit))
	}
}

// However the directory is reached, the guest has it where it is.
func TestWorkingDir(t *testing.T) {
	real, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "checkout")
	require.NoError(t, os.Symlink(real, link))
	t.Chdir(link) // sets PWD, too
	got, err := workingDir()
	require.NoError(t, err)
	assert.Equal(t, real, got)
}

// The guest is nobody's child, and has files of its own.
func TestGuestEnv(t *testing.T) {
	got := guestEnv([]string{"A=1", "FINWAIT_CALLED_BY=17", "PATH=/bin", "GITHUB_STEP_SUMMARY=/x", "FINWAIT_VIRTUAL_TIME=1"}, false)
	assert.Equal(t, []string{"A=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TMPDIR=/tmp"}, got)
	assert.Contains(t, guestEnv(nil, true), "FINWAIT_VIRTUAL_TIME=1")
}
