package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A server that never closes stays in CLOSE_WAIT. The client's half is reaped
// from FIN_WAIT_2 by tcp_fin_timeout; the server's is not reaped by anything.
// When its owner closes at last, the FIN meets no socket and a RST comes back.
func TestCloseWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client closes, server never does",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 3, "tcp_orphan_retries": 1, "tcp_retries2": 4},
		Ends:    tcp.Ending{State: tcp.FinWait2},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)

		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		require.NoError(t, client.Close())

		server.Expect(t, tcp.CloseWait)
		client.ExpectReaped(t)
		server.ExpectForEver(t)

		require.NoError(t, server.Close())
		server.Expect(t, tcp.Gone)
		lab.Client.ExpectCounters(t, tcp.Counters{"TWKilled": 1, "OutRsts": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
