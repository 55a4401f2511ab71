package netns

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// requireNamespaces skips the test, saying why, where namespaces cannot be
// made; with any other error the test fails.
func requireNamespaces(t *testing.T) {
	t.Helper()
	ns, err := New()
	if errors.Is(err, unix.EPERM) {
		t.Skipf("needs the privilege to make network namespaces (root, or unshare -Urn): %v", err)
	}
	require.NoError(t, err)
	require.NoError(t, ns.Close())
}

// newNamespace makes a namespace that is closed with the test.
func newNamespace(t *testing.T) *Namespace {
	t.Helper()
	ns, err := New()
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := ns.Close(); err != nil {
			require.ErrorIs(t, err, ErrClosed)
		}
	})
	return ns
}

// newPair makes two joined namespaces that are closed with the test.
func newPair(t *testing.T) (a, b *Namespace) {
	t.Helper()
	a, b = newNamespace(t), newNamespace(t)
	require.NoError(t, joinEnds(a, b))
	return a, b
}

// joinedPair makes two joined namespaces for the caller to close.
func joinedPair() (a, b *Namespace, err error) {
	if a, err = New(); err != nil {
		return nil, nil, err
	}
	if b, err = New(); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	if err = joinEnds(a, b); err != nil {
		return nil, nil, errors.Join(err, a.Close(), b.Close())
	}
	return a, b, nil
}

// joinEnds gives a and b the addresses 192.0.2.1, 2001:db8::1 and 192.0.2.2,
// 2001:db8::2.
func joinEnds(a, b *Namespace) error {
	end := func(ns *Namespace, last byte) End {
		return End{
			Namespace: ns,
			MAC:       []byte{2, 0, 0, 0, 0, last},
			Addrs: []netip.Prefix{
				netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24),
				netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}), 64),
			},
		}
	}
	return Join(end(a, 1), end(b, 2))
}

// library is a netlink socket of the library's, open inside until the test ends.
func library(t *testing.T, ns *Namespace) (handle *netlink.Handle) {
	t.Helper()
	require.NoError(t, ns.Do(func() (err error) {
		handle, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	}))
	t.Cleanup(handle.Close)
	return handle
}
