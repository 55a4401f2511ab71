package netns

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The first connection over a fresh pair has the retransmission timeout of a
// wire that answers at once. A first packet lost to address resolution would
// show as an R0 of one second and more.
func TestFirstConnectionIsNotHeldUp(t *testing.T) {
	requireNamespaces(t)
	const labs, atOnce = 1000, 50
	type result struct {
		rto uint32 // µs
		err error
	}
	results := make(chan result, labs)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for range labs / atOnce {
				rto, err := firstRTO()
				results <- result{rto, err}
			}
		})
	}
	workers.Wait()
	close(results)

	slow, highest := 0, uint32(0)
	for result := range results {
		require.NoError(t, result.err)
		highest = max(highest, result.rto)
		if result.rto >= 300_000 {
			slow++
		}
	}
	t.Logf("highest R0 of %d labs: %d µs", labs, highest)
	assert.Zero(t, slow, "labs whose first connection had an R0 of 300 ms or more")
}

// firstRTO makes a pair, connects once in each family and returns the higher
// tcpi_rto in µs.
func firstRTO() (uint32, error) {
	a, b, err := joinedPair()
	if err != nil {
		return 0, err
	}
	defer a.Close()
	defer b.Close()
	v4, err := connectRTO(a, b, "192.0.2.2")
	if err != nil {
		return 0, err
	}
	v6, err := connectRTO(a, b, "2001:db8::2")
	return max(v4, v6), err
}

func connectRTO(a, b *Namespace, addr string) (rto uint32, err error) {
	var listener net.Listener
	err = b.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 6000)))
		return err
	})
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	var conn net.Conn
	err = a.Do(func() (err error) {
		conn, err = net.Dial("tcp", listener.Addr().String())
		return err
	})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var infoErr error
	err = raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); infoErr == nil {
			rto = info.Rto
		}
	})
	return rto, errors.Join(err, infoErr)
}

// Once two hosts are joined, what is sent to them is for them: the kernel adds the
// route to an IPv6 address of its own some time after the address.
func TestJoinedAddressesAreReachable(t *testing.T) {
	requireNamespaces(t)
	for range 100 {
		a, b := newNamespace(t), newNamespace(t)
		ends := []End{
			{Namespace: a, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")}},
			{Namespace: b, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")}},
		}
		require.NoError(t, Join(ends[0], ends[1]))
		for _, end := range ends {
			routes, err := library(t, end.Namespace).RouteGet(end.Addrs[0].Addr().AsSlice())
			require.NoError(t, err)
			require.Equal(t, unix.RTN_LOCAL, routes[0].Type)
		}
	}
}
