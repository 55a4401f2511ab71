package netns

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Down takes what the kernel takes, here and not at the other end; up brings
// back what Join gave, so that the first connection is not held up.
func TestLinkDownAndUp(t *testing.T) {
	requireNamespaces(t)
	a, b := newPair(t)
	before := wireState(t, a)
	beforePeer := wireState(t, b)
	require.Equal(t, []string{
		"192.0.2.1/24", "2001:db8::1/64",
		"192.0.2.2 permanent", "2001:db8::2 permanent",
		"to 192.0.2.0/24", "to 2001:db8::/64",
	}, before)

	require.NoError(t, a.LinkDown())

	assert.Equal(t, []string{"192.0.2.1/24"}, wireState(t, a))
	assert.Equal(t, beforePeer, wireState(t, b), "the other end")
	_, err := connectRTO(a, b, "192.0.2.2")
	require.ErrorIs(t, err, unix.ENETUNREACH)
	require.NoError(t, a.LinkDown(), "twice")

	require.NoError(t, a.LinkUp())

	assert.Equal(t, before, wireState(t, a))
	for _, addr := range []string{"192.0.2.2", "2001:db8::2"} {
		rto, err := connectRTO(a, b, addr)
		require.NoError(t, err)
		assert.Less(t, rto, uint32(300_000), "R0 in µs to %s", addr)
	}
	require.NoError(t, a.LinkUp(), "twice")
	assert.Equal(t, before, wireState(t, a))
}

// With both ends down, the first that comes up cannot wait for a carrier.
func TestLinkUpAfterBothDown(t *testing.T) {
	requireNamespaces(t)
	a, b := newPair(t)
	require.NoError(t, a.LinkDown())
	require.NoError(t, b.LinkDown())

	require.NoError(t, b.LinkUp())
	require.NoError(t, a.LinkUp())

	for _, addr := range []string{"192.0.2.2", "2001:db8::2"} {
		_, err := connectRTO(a, b, addr)
		assert.NoError(t, err)
	}
}

func TestLinkErrors(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)
	require.ErrorIs(t, ns.LinkDown(), ErrNotJoined)
	require.NoError(t, ns.Close())
	require.ErrorIs(t, ns.LinkDown(), ErrClosed)
	assert.EqualError(t, ns.LinkUp(), fmt.Sprintf("setting eth0 of %v up: network namespace is closed", ns))
}

// wireState is what the kernel holds of the link: global addresses, permanent
// neighbours and routes to whole networks, IPv4 before IPv6 in each.
func wireState(t *testing.T, ns *Namespace) []string {
	t.Helper()
	link, err := library(t, ns).LinkByName(linkName)
	require.NoError(t, err)
	var addrs, neighbours, routes []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := library(t, ns).AddrList(link, family)
		require.NoError(t, err)
		for _, addr := range list {
			if !addr.IP.IsLinkLocalUnicast() {
				addrs = append(addrs, addr.IPNet.String())
			}
		}
		near, err := library(t, ns).NeighList(link.Attrs().Index, family)
		require.NoError(t, err)
		for _, neighbour := range near {
			if neighbour.State == netlink.NUD_PERMANENT {
				neighbours = append(neighbours, fmt.Sprint(neighbour.IP, " permanent"))
			}
		}
		ways, err := library(t, ns).RouteList(link, family)
		require.NoError(t, err)
		for _, way := range ways {
			if way.Dst != nil && !way.Dst.IP.IsLinkLocalUnicast() {
				routes = append(routes, fmt.Sprint("to ", way.Dst))
			}
		}
	}
	return append(append(addrs, neighbours...), routes...)
}
