package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Both sides close before either has heard of the other's FIN. Once the wire
// carries again each answers the other, and TIME_WAIT is on both sides.
func TestSimultaneousClose(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "both close while nothing passes, then thaw",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 30},
		Ends:    tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		freeze := lab.Server.Freeze(t)
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		client.Expect(t, tcp.FinWait1)
		server.Expect(t, tcp.FinWait1)

		freeze.Heal(t)

		client.Expect(t, tcp.TimeWait)
		server.Expect(t, tcp.TimeWait)
		client.ExpectReaped(t)
		server.ExpectReaped(t)
		for _, host := range []*harness.Host{lab.Client, lab.Server} {
			host.ExpectMoved(t, tcp.Counters{"TW": 1, "TCPAbortOnTimeout": 0, "OutRsts": 0})
		}
	})
}

// CLOSING is an orphan's FIN that is not acknowledged, though the peer's FIN
// has come: the rule is that of FIN_WAIT_1. The server hears nothing, while its
// own FIN passes and acknowledges nothing.
func TestClosingReaped(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "both closed, client's FIN never arrives",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.Closing},
	}, closeAtOnceWhileServerIsDeaf)
}

func closeAtOnceWhileServerIsDeaf(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)
	lab.Server.Freeze(t, harness.In)
	require.NoError(t, client.Close())

	require.NoError(t, server.Close())

	client.Expect(t, tcp.Closing)
	client.ExpectReaped(t)
}
