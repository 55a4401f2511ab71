package netns

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Everything this package can do is done, and the namespace that the process
// came from is afterwards as it was: links, addresses, routes, neighbours,
// sysctls.
func TestTheNamespaceOfTheProcessIsUntouched(t *testing.T) {
	requireNamespaces(t)
	before := homeState(t)

	a, b := newPair(t)
	for _, ns := range []*Namespace{a, b} {
		require.NoError(t, ns.SetSysctl("net.ipv4.tcp_fin_timeout", "7"))
		require.NoError(t, ns.SetSysctl("net.ipv6.conf.all.hop_limit", "7"))
	}

	assert.Equal(t, before, homeState(t), "while the pair exists")
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	assert.Equal(t, before, homeState(t), "after it")
}

// A descriptor that no longer is the namespace it was must not be worked in:
// here it has become the namespace of the process itself.
func TestDoRefusesAnotherNamespace(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)
	home, err := os.Open("/proc/self/ns/net")
	require.NoError(t, err)
	defer home.Close()
	require.NoError(t, unix.Dup3(int(home.Fd()), int(ns.handle), unix.O_CLOEXEC))

	err = ns.Do(func() error { t.Error("ran in the namespace of the process"); return nil })

	assert.ErrorContains(t, err, "instead")
}

// The main thread never enters a namespace: it could not leave, and the
// process would show the namespace as its own.
func TestTheMainThreadStaysHome(t *testing.T) {
	requireNamespaces(t)
	home := processInode(t)
	ns := newNamespace(t)

	// More calls at once than there are processors use every thread.
	release := make(chan struct{})
	done := make(chan error)
	const calls = 64
	for range calls {
		go func() { done <- ns.Do(func() error { <-release; return nil }) }()
	}
	runtime.Gosched()
	close(release)
	for range calls {
		require.NoError(t, <-done)
	}

	assert.Equal(t, home, processInode(t))
}

func processInode(t *testing.T) uint64 {
	t.Helper()
	var stat unix.Stat_t
	require.NoError(t, unix.Stat("/proc/self/ns/net", &stat))
	return stat.Ino
}

// homeState describes the namespace of the process.
func homeState(t *testing.T) map[string]any {
	t.Helper()
	state := map[string]any{"net": processInode(t)}
	links, err := netlink.LinkList()
	require.NoError(t, err)
	for _, link := range links {
		attrs := link.Attrs()
		state["link "+attrs.Name] = fmt.Sprint(attrs.Index, attrs.Flags, attrs.HardwareAddr)
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		addrs, err := netlink.AddrList(nil, family)
		require.NoError(t, err)
		state[fmt.Sprint("addresses ", family)] = fmt.Sprint(addrs)
		routes, err := netlink.RouteList(nil, family)
		require.NoError(t, err)
		state[fmt.Sprint("routes ", family)] = fmt.Sprint(routes)
	}
	for _, path := range []string{"ipv4/tcp_fin_timeout", "ipv6/conf/all/hop_limit"} {
		value, err := os.ReadFile("/proc/sys/net/" + path)
		require.NoError(t, err)
		state[path] = string(value)
	}
	return state
}
