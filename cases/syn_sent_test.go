package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A SYN that nobody answers is sent again, until tcp_syn_retries is spent, or
// TCP_SYNCNT where it is set; connect then fails with ETIMEDOUT. Since Linux 6.5
// the first tcp_syn_linear_timeouts of the retransmissions do not count and do
// not double the timeout.
func TestSynSent(t *testing.T) {
	ends := tcp.Ending{State: tcp.SynSent}
	harness.Run(t, harness.Case{
		Name:    "server frozen, client connects",
		Sysctls: harness.Sysctls{"tcp_synack_retries": 4, "tcp_retries2": 5},
		Variants: []harness.Variant{
			{Name: "tcp_syn_retries=1", Sysctls: harness.Sysctls{"tcp_syn_retries": 1}, Ends: ends},
			{Name: "tcp_syn_retries=2", Sysctls: harness.Sysctls{"tcp_syn_retries": 2}, Ends: ends},
			{Name: "tcp_syn_retries=3", Sysctls: harness.Sysctls{"tcp_syn_retries": 3}, Ends: ends},
			{Name: "TCP_SYNCNT=2", Sysctls: harness.Sysctls{"tcp_syn_retries": 1}, Ends: tcp.Ending{State: tcp.SynSent, Options: tcp.Options{SynCount: 2}}},
		},
	}, connectWhileServerIsFrozen)
}

// With tcp_syn_linear_timeouts=0 every timeout doubles, as before Linux 6.5.
func TestSynSentWithoutLinearTimeouts(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client connects, no linear timeouts",
		Sysctls:  harness.Sysctls{"tcp_synack_retries": 4, "tcp_syn_linear_timeouts": 0},
		Variants: harness.Sweep("tcp_syn_retries", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.SynSent},
		Needs:    harness.Need{Sysctl: "tcp_syn_linear_timeouts", Since: tcp.Release{Major: 6, Minor: 5}},
	}, connectWhileServerIsFrozen)
}

func connectWhileServerIsFrozen(t *testing.T, lab *harness.Lab) {
	listener, err := lab.Server.Listen(harness.Endpoint{})
	require.NoError(t, err)
	lab.Server.Freeze(t)

	client := lab.Client.StartDial(t, listener.Addr(), harness.Endpoint{Options: lab.Ends.Options})

	client.Expect(t, tcp.SynSent)
	client.ExpectReaped(t)
	if client.Seen(t, tcp.Gone) {
		require.ErrorIs(t, client.Connected(), syscall.ETIMEDOUT)
	}
}
