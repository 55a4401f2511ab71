package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// An orphan whose FIN is never acknowledged is reaped from FIN_WAIT_1 once the
// time that tcp_orphan_retries stands for is spent. tcp_fin_timeout and
// tcp_retries2 play no part.
func TestFinWait1Reaped(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20, "tcp_synack_retries": 4},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2, 3, 5),
		Ends:     tcp.Ending{State: tcp.FinWait1},
	}, closeWhileServerIsFrozen)
}

// The kernel's default of 0 does not mean none: it stands for 8.
func TestFinWait1ReapedByDefault(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "server frozen, default tcp_orphan_retries",
		Ends: tcp.Ending{State: tcp.FinWait1},
	}, closeWhileServerIsFrozen)
}

func closeWhileServerIsFrozen(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)
	lab.Server.Freeze(t)

	require.NoError(t, client.Close())

	client.Expect(t, tcp.FinWait1)
	client.ExpectReaped(t)
	server.ExpectStays(t, tcp.Established, 100*time.Millisecond) // it knows nothing
}
