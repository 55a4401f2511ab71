package cases

import (
	"net/netip"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// The steps that several cases take.

// fixedPort is bound by a client before it connects.
const fixedPort = 40000

// unreading is a peer with a small receive buffer that nobody reads from.
var unreading = harness.Endpoint{ReceiveBuffer: 4096}

// meet connects the client, with a socket of its own making, to a listener.
func meet(t *testing.T, lab *harness.Lab, listener *harness.Listener, from harness.Endpoint) (client, server *harness.Conn) {
	t.Helper()
	client, err := lab.Client.Dial(listener.Addr(), from)
	require.NoError(t, err)
	server, err = listener.Accept()
	require.NoError(t, err)
	return client, server
}

// closeInOrder closes the one side and then the other, which leaves TIME_WAIT at
// the first.
func closeInOrder(t *testing.T, active, passive *harness.Conn) {
	t.Helper()
	require.NoError(t, active.Close())
	passive.Expect(t, tcp.CloseWait)
	require.NoError(t, passive.Close())
	active.Expect(t, tcp.TimeWait)
}

func loopback(lab *harness.Lab) netip.Addr {
	if lab.Family == harness.IPv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// fins are the segments with a FIN.
func fins(segments []harness.Segment) []harness.Segment {
	var out []harness.Segment
	for _, s := range segments {
		if s.Flags.Has(harness.FIN) {
			out = append(out, s)
		}
	}
	return out
}

func withData(segments []harness.Segment) []harness.Segment {
	var out []harness.Segment
	for _, s := range segments {
		if s.Len > 0 {
			out = append(out, s)
		}
	}
	return out
}
