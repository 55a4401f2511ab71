package cases

import (
	"net/netip"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A SYN-ACK that nobody acknowledges is sent again, until tcp_synack_retries is
// spent; the request is then forgotten, and nobody is told. The SYN comes from a
// client that is frozen: one that went on sending it would have each answered.
func TestSynRecv(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client frozen, one SYN comes from it",
		Sysctls:  harness.Sysctls{"tcp_syn_retries": 5, "tcp_retries2": 6, "tcp_orphan_retries": 4},
		Variants: harness.Sweep("tcp_synack_retries", 0, 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.SynRecv},
	}, func(t *testing.T, lab *harness.Lab) {
		lab.Client.Freeze(t)

		request := requestBySyn(t, lab)

		request.Expect(t, tcp.SynRecv)
		request.ExpectReaped(t)
	})
}

// A SYN-ACK that its own host drops is not sent again at all: the request is gone
// when the timer fires first.
func TestSynRecvNeverAnswered(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server is mute, one SYN comes from the client",
		Sysctls: harness.Sysctls{"tcp_synack_retries": 3, "tcp_syn_retries": 5},
		Ends:    tcp.Ending{State: tcp.SynRecv, Hold: tcp.NeverSent},
	}, func(t *testing.T, lab *harness.Lab) {
		lab.Server.Freeze(t, harness.Out)

		request := requestBySyn(t, lab)

		request.Expect(t, tcp.SynRecv)
		request.ExpectReaped(t)
	})
}

// requestBySyn has a SYN arrive at a listener of the server and watches what
// becomes of it there.
func requestBySyn(t *testing.T, lab *harness.Lab) *harness.Conn {
	t.Helper()
	listener, err := lab.Server.Listen(harness.Endpoint{})
	require.NoError(t, err)
	from := netip.AddrPortFrom(lab.Client.Addr(), fixedPort)
	request := lab.Server.Watch(t, listener.Addr(), from)
	lab.Server.Inject(t, harness.Segment{From: from, To: listener.Addr(), Flags: harness.SYN, Seq: 1_000_000, Window: 65535})
	return request
}
