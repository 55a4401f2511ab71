package netns

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// requireThreadsHome waits until every thread of the process is in the
// namespace that the process came from: one that was somewhere else ends, which
// takes it a moment, and is not handed back to the scheduler.
func requireThreadsHome(t *testing.T) {
	t.Helper()
	home := processInode(t)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		namespaces, err := filepath.Glob("/proc/self/task/*/ns/net")
		require.NoError(c, err)
		require.NotEmpty(c, namespaces)
		for _, namespace := range namespaces {
			var stat unix.Stat_t
			switch err := unix.Stat(namespace, &stat); {
			case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH): // it has ended
			case err != nil:
				assert.NoError(c, err)
			default:
				assert.Equal(c, home, stat.Ino, namespace)
			}
		}
	}, 10*time.Second, 10*time.Millisecond)
}

// The caller, and goroutines that it starts or that others start meanwhile, are
// where they were: while many functions are inside, and after them.
func TestGoroutinesStayHome(t *testing.T) {
	requireNamespaces(t)
	home := processInode(t)
	namespaces := []*Namespace{newNamespace(t), newNamespace(t)}
	requireHome := func(t assert.TestingT) {
		inode, err := currentInode()
		assert.NoError(t, err)
		assert.Equal(t, home, inode)
	}

	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() {
			err := namespaces[n%2].Do(func() error {
				var started sync.WaitGroup
				started.Go(func() { requireHome(t) })
				started.Wait()
				switch n % 4 {
				case 0:
					return os.ErrInvalid
				case 1:
					runtime.Goexit()
				case 2: // what a library does that looks after its thread
					runtime.LockOSThread()
					runtime.UnlockOSThread()
				}
				return nil
			})
			assert.Equal(t, n%4 < 2, err != nil)
			requireHome(t)
			callers.Go(func() { requireHome(t) })
		})
	}
	callers.Wait()

	requireThreadsHome(t)
}

// A thread that came into a wrong namespace, or left the right one, runs nothing
// else.
func TestThreadsOfFailedEntriesEnd(t *testing.T) {
	requireNamespaces(t)
	foreign := newNamespace(t)
	for _, row := range []struct {
		name string
		// handle is what the descriptor of the namespace has become.
		handle func(t *testing.T) (fd int)
		says   string
	}{
		{"another namespace", func(*testing.T) int { return int(foreign.handle) }, "the thread is in " + foreign.String() + " instead"},
		{"a namespace of another kind", func(t *testing.T) int { return opened(t, "/proc/self/ns/uts") }, "invalid argument"},
		{"no namespace", func(t *testing.T) int { return opened(t, os.DevNull) }, "invalid argument"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ns := newNamespace(t)
			require.NoError(t, unix.Dup3(row.handle(t), int(ns.handle), unix.O_CLOEXEC))
			for range 20 {
				err := ns.Do(func() error { t.Error("ran"); return nil })
				require.ErrorContains(t, err, "entering "+ns.String()+": ")
				require.ErrorContains(t, err, row.says)
			}
			requireThreadsHome(t)
		})
	}
	t.Run("a function that leaves", func(t *testing.T) {
		ns := newNamespace(t)
		require.NoError(t, ns.Do(func() error { return unix.Unshare(unix.CLONE_NEWNET) }))
		requireThreadsHome(t)
	})
}

// opened is a descriptor of a file, for the length of the test.
func opened(t *testing.T, path string) (fd int) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return int(file.Fd())
}

// A function that panics ends the process, and with it the namespace.
func TestDoPanic(t *testing.T) {
	requireNamespaces(t)
	const mark = "FINWAIT_TEST_PANIC"
	if os.Getenv(mark) != "" {
		_ = newNamespace(t).Do(func() error { panic("inside " + mark) })
		select {} // the caller is not told that all is well
	}
	before := homeState(t)
	command := exec.Command(os.Args[0], "-test.run=^TestDoPanic$", "-test.timeout=10s")
	command.Env = append(os.Environ(), mark+"=1")

	out, err := command.CombinedOutput()

	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 2, exit.ExitCode(), "that of a panic")
	assert.Contains(t, string(out), "panic: inside "+mark)
	assert.Equal(t, before, homeState(t))
}
