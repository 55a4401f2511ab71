package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Thawed in time, a close that was held in FIN_WAIT_1 goes on as if nothing
// had happened: the next retransmitted FIN is acknowledged.
func TestFinWait1Thawed(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "after FIN_WAIT_1 was thawed",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 30},
		Ends:    tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		freeze := lab.Server.Freeze(t)
		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait1)

		freeze.Heal(t)

		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		require.NoError(t, server.Close())
		client.Expect(t, tcp.TimeWait)
		client.ExpectReaped(t)
		lab.Client.ExpectMoved(t, tcp.Counters{"TW": 1, "TCPAbortOnTimeout": 0, "OutRsts": 0})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
