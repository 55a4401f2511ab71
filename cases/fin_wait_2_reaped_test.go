package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// An orphan in FIN_WAIT_2 is reaped after tcp_fin_timeout, however long its
// peer stays in CLOSE_WAIT, which no timer ends.
func TestFinWait2Reaped(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server never closes",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 2, "tcp_retries2": 4},
		Variants: harness.Sweep("tcp_fin_timeout", 1, 3, 10, 30, 59, 60),
		Ends:     tcp.Ending{State: tcp.FinWait2},
	}, closeAndLeaveServerOpen)
}

// Above 60 tcp_fin_timeout is no timeout any more: the kernel waits twice for
// what is over 60 s. 61 gives 2 s, 65 gives 10 s, 90 gives 60 s.
func TestFinWait2ReapedAboveSixty(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server never closes",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 2, "tcp_retries2": 4},
		Variants: harness.Sweep("tcp_fin_timeout", 61, 65, 90),
		Ends:     tcp.Ending{State: tcp.FinWait2},
	}, closeAndLeaveServerOpen)
}

// The clock of tcp_fin_timeout starts when the FIN is acknowledged, however long it was
// held up.
func TestFinWait2AfterThaw(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "after FIN_WAIT_1 was thawed, server never closes",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 3, "tcp_orphan_retries": 4},
		Ends:    tcp.Ending{State: tcp.FinWait2},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		freeze := lab.Server.Freeze(t)
		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait1)

		freeze.Heal(t)

		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		client.ExpectReaped(t)
		server.ExpectForEver(t)
	})
}

func closeAndLeaveServerOpen(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)

	require.NoError(t, client.Close())

	client.Expect(t, tcp.FinWait2)
	server.Expect(t, tcp.CloseWait)
	client.ExpectReaped(t)
	server.ExpectForEver(t)
}
