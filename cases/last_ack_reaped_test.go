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
