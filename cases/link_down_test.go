package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// With its own link down a host has no route, and the FIN counts as not sent: the
// persist timer holds FIN_WAIT_1.
func TestLinkDown(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client's link is down, client closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2),
		Ends:     tcp.Ending{State: tcp.FinWait1, Hold: tcp.NeverSent},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Client.LinkDown(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}

// With the peer's link down there is a route still. Once its own kernel has noticed
// that the carrier is gone, the FIN counts as sent and is lost in silence: it is
// the retransmission timer that holds FIN_WAIT_1, as in a freeze.
//
// Until then, for up to a second, TCP is told of each segment that is dropped, and
// probes every 500 ms under the persist timer (tcp_send_probe0 takes it for
// congestion). LinkDown waits for that to be over.
func TestPeersLinkDown(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server's link is down, client closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2),
		Ends:     tcp.Ending{State: tcp.FinWait1},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Server.LinkDown(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}
