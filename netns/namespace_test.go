package netns

import (
	"os"
	"os/exec"
	"reflect"
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

// Every method of a closed namespace says that it is closed, and changes
// nothing: neither the namespace that the process came from nor one that is
// open.
func TestClosedNamespaceRefusesEverything(t *testing.T) {
	requireNamespaces(t)
	closed, open := newNamespace(t), newNamespace(t)
	require.NoError(t, closed.Close())
	before := homeState(t)

	for name, ns := range map[string]*Namespace{"closed": closed, "never made": new(Namespace)} {
		for method, call := range map[string]func() error{
			"Close":     ns.Close,
			"Do":        func() error { return ns.Do(func() error { t.Error("ran"); return nil }) },
			"LinkDown":  ns.LinkDown,
			"LinkUp":    ns.LinkUp,
			"SetSysctl": func() error { return ns.SetSysctl("net.ipv4.tcp_fin_timeout", "7") },
			"SetSysctls": func() error {
				return ns.SetSysctls(map[string]string{"net.ipv4.tcp_fin_timeout": "7"})
			},
			"Join to":   func() error { return Join(End{Namespace: open}, End{Namespace: ns}) },
			"Join from": func() error { return Join(End{Namespace: ns}, End{Namespace: open}) },
		} {
			t.Run(name+"/"+method, func(t *testing.T) {
				err := call()
				require.ErrorIs(t, err, ErrClosed)
				assert.ErrorContains(t, err, "network namespace is closed")
			})
		}
	}

	assert.Equal(t, 7, reflect.TypeFor[*Namespace]().NumMethod(), "with String; a new method belongs into the table")
	assert.Equal(t, before, homeState(t))
	links, err := library(t, open).LinkList()
	require.NoError(t, err)
	assert.Len(t, links, 1, "the open one is left with its loopback link alone")
}
