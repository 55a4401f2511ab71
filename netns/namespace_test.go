package netns

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoRunsInside(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)

	var inside uint64
	require.NoError(t, ns.Do(func() (err error) {
		inside, err = currentInode()
		return err
	}))

	assert.Equal(t, ns.inode, inside)
}

func TestDoChildProcessIsInside(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)

	var link []byte
	require.NoError(t, ns.Do(func() (err error) {
		link, err = exec.Command("readlink", "/proc/self/ns/net").Output()
		return err
	}))

	assert.Equal(t, ns.String()+"\n", string(link))
}

func TestDoReturnsTheError(t *testing.T) {
	requireNamespaces(t)
	assert.ErrorIs(t, newNamespace(t).Do(func() error { return os.ErrDeadlineExceeded }), os.ErrDeadlineExceeded)
}

// A function that ends its goroutine must not hang the caller.
func TestDoGoexit(t *testing.T) {
	requireNamespaces(t)
	err := newNamespace(t).Do(func() error { runtime.Goexit(); return nil })
	assert.ErrorIs(t, err, errUnfinished)
}

func TestClosedNamespaceRefusesEverything(t *testing.T) {
	requireNamespaces(t)
	closed, open := newNamespace(t), newNamespace(t)
	require.NoError(t, closed.Close())

	for name, ns := range map[string]*Namespace{"closed": closed, "never made": new(Namespace)} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorIs(t, ns.Do(func() error { t.Error("ran"); return nil }), ErrClosed)
			assert.ErrorIs(t, Join(End{Namespace: ns}, End{Namespace: open}), ErrClosed)
			assert.ErrorIs(t, Join(End{Namespace: open}, End{Namespace: ns}), ErrClosed)
			assert.ErrorIs(t, ns.SetSysctl("net.ipv4.tcp_fin_timeout", "7"), ErrClosed)
			_, err := ns.Sysctl("net.ipv4.tcp_fin_timeout")
			assert.ErrorIs(t, err, ErrClosed)
			assert.ErrorIs(t, ns.Close(), ErrClosed)
		})
	}
}
