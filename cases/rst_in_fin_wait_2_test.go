package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A peer that aborts ends the FIN_WAIT_2 of an orphan at once, long before
// tcp_fin_timeout (tcp_timewait_state_process in net/ipv4/tcp_minisocks.c).
func TestResetInFinWait2(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client closes, server aborts",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 60},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)

		require.NoError(t, server.SetLinger(0))
		require.NoError(t, server.Close())

		client.Expect(t, tcp.Gone)
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{"TCPAbortOnData": 1, "EstabResets": 1, "OutRsts": 1})
	})
}
