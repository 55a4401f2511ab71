package netns

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Of a batch that is refused in the middle the first step that was is named; the
// others are carried out, and the answers to them are not taken for those to the
// next batch.
func TestBatchRefusedInTheMiddle(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)
	noLink := End{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}}
	refused := new(batch)
	refused.add("setting lo up", unix.RTM_NEWLINK, 0, linkMessage(loopbackIndex, unix.IFF_UP))
	refused.configure(noLink, End{})
	refused.askRoute(netip.MustParseAddr("127.0.0.1"))

	err := ns.route.do(refused)

	require.ErrorIs(t, err, unix.ENODEV)
	assert.EqualError(t, err, "adding address 192.0.2.1/24: no such device")
	assert.True(t, refused.local(), "127.0.0.1 is reached, so lo is up and the last step was done")
	next := new(batch)
	next.askRoute(netip.MustParseAddr("127.0.0.2"))
	require.NoError(t, ns.route.do(next))
	assert.True(t, next.local())
}

// Joining twice names what is there already, and where.
func TestJoinTwice(t *testing.T) {
	requireNamespaces(t)
	a, b := newPair(t)
	err := joinEnds(a, b)
	require.ErrorIs(t, err, unix.EEXIST)
	assert.EqualError(t, err, "joining "+a.String()+" and "+b.String()+": in "+a.String()+": adding the veth pair: file exists")
}

// NewEach leaves nothing open when one of its functions fails.
func TestNewEachFails(t *testing.T) {
	requireNamespaces(t)
	newNamespace(t) // whatever the first use allocates for good is allocated
	before := count(t, "/proc/self/fd")
	_, err := NewEach(map[string]string{"net.ipv4.tcp_fin_timeout": "7"}, func() error { return nil }, func() error { return unix.EIO })
	require.ErrorIs(t, err, unix.EIO)
	_, err = NewEach(map[string]string{"net.ipv4.tcp_fin_timeout": "7", "kernel.panic": "1"}, func() error { return nil })
	require.ErrorContains(t, err, "kernel.panic")
	assert.Equal(t, before, count(t, "/proc/self/fd"))
}
