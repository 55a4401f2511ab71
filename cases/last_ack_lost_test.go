package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// What TIME_WAIT is for: the last acknowledgement is lost, so the passive closer
// sends its FIN again from LAST_ACK. TIME_WAIT answers every one, and starts
// its 60 s again each time. The passive closer ends when an answer comes
// through.
func TestLastAckLost(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "the server is deaf for its last acknowledgement, then thawed",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 30},
		Ends:    tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)
		deaf := lab.Server.Freeze(t, harness.In)
		wire := lab.Client.Capture(t)
		require.NoError(t, server.Close())
		wire.Await(t, func(seen []harness.Segment) bool { return len(fins(seen)) >= 3 })
		server.Expect(t, tcp.LastAck)

		deaf.Heal(t)

		server.ExpectEndedByPeer(t)
		client.ExpectReaped(t)
		seen := wire.Segments(t)
		require.Len(t, harness.Sent(seen, lab.Client.Addr()), len(fins(seen)), "an answer for each FIN")
		lab.Client.ExpectMoved(t, tcp.Counters{"OutRsts": 0, "TWKilled": 0})
	})
}
