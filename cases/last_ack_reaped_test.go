package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A passive closer whose FIN is never acknowledged is reaped from LAST_ACK,
// under the same rule as FIN_WAIT_1.
func TestLastAckReaped(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client half-closed and frozen",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20, "tcp_synack_retries": 4},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2, 3, 5),
		Ends:     tcp.Ending{State: tcp.LastAck},
	}, closeWhileClientIsFrozen)
}

// The kernel's default of 0 does not mean none: it stands for 8.
func TestLastAckReapedByDefault(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "client half-closed and frozen, default tcp_orphan_retries",
		Ends: tcp.Ending{State: tcp.LastAck},
	}, closeWhileClientIsFrozen)
}

// The clock is that of the passive closer's own FIN, not of the peer's: the client closed
// 5 s before. A frozen host's timers run on, so the client's tcp_fin_timeout must outlast
// that, for it is FIN_WAIT_2 that holds its end.
func TestLastAckReapedWhenClosedLater(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client closed and frozen, server closes 5 s later",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 1, "tcp_retries2": 8, "tcp_fin_timeout": 20},
		Waits:   5 * time.Second,
		Ends:    tcp.Ending{State: tcp.LastAck},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)
		lab.Client.Freeze(t)
		server.ExpectStays(t, tcp.CloseWait, 5*time.Second)

		require.NoError(t, server.Close())

		server.Expect(t, tcp.LastAck)
		server.ExpectReaped(t)
		client.ExpectStays(t, tcp.FinWait2, 100*time.Millisecond) // it knows nothing
	})
}

func closeWhileClientIsFrozen(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)
	require.NoError(t, client.CloseWrite())
	server.Expect(t, tcp.CloseWait)
	lab.Client.Freeze(t)

	require.NoError(t, server.Close())

	server.Expect(t, tcp.LastAck)
	server.ExpectReaped(t)
	client.ExpectStays(t, tcp.FinWait2, 100*time.Millisecond) // it knows nothing
}
