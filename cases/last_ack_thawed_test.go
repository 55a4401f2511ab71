package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Thawed in time, LAST_ACK ends cleanly and leaves TIME_WAIT at the client.
//
// A frozen host's own timers run on, unlike those of a paused machine. The
// client waits in FIN_WAIT_2 without an owner, so its tcp_fin_timeout must
// outlast the freeze: otherwise the server's FIN would meet no socket, and
// would be answered by a RST.
func TestLastAckThawed(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "after LAST_ACK was thawed",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 30},
		Ends:    tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)
		freeze := lab.Client.Freeze(t)
		require.NoError(t, server.Close())
		server.Expect(t, tcp.LastAck)

		freeze.Heal(t)

		server.ExpectEndedByPeer(t)
		client.Expect(t, tcp.TimeWait)
		client.ExpectReaped(t)
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		lab.Server.ExpectMoved(t, tcp.Counters{"TW": 0, "TCPAbortOnTimeout": 0, "OutRsts": 0})
	})
}
