package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A FIN that is not acknowledged leaves once, then as the tail loss probe, then
// each time the retransmission timer fires. The last firing sends nothing: it
// removes the orphan. A kernel that armed its timers and sent nothing would keep
// every deadline; only the wire shows it.
func TestFinTransmissions(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server frozen, FINs counted on the wire",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 1, "tcp_retries2": 8},
		Ends:    tcp.Ending{State: tcp.FinWait1},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Server.Freeze(t)

		require.NoError(t, client.Close())

		client.ExpectReaped(t)
		client.ExpectTransmissions(t, harness.FIN|harness.ACK, 4)
	})
}

// The passive closer's FIN is sent by the same rule.
func TestLastAckTransmissions(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client half-closed and frozen, FINs counted on the wire",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 2, "tcp_retries2": 8},
		Ends:    tcp.Ending{State: tcp.LastAck},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		server.Expect(t, tcp.CloseWait)
		lab.Client.Freeze(t)

		require.NoError(t, server.Close())

		server.ExpectReaped(t)
		server.ExpectTransmissions(t, harness.FIN|harness.ACK, 5)
	})
}

// Keepalive probes a peer that is silent: segments without data, one sequence
// number back, which any live peer has to answer.
func TestKeepaliveTransmissions(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "server frozen, connection idle, probes counted on the wire",
		Ends: tcp.Ending{State: tcp.Established, Options: everySecond},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Server.Freeze(t)

		require.NoError(t, client.SetOptions(lab.Ends.Options))

		client.ExpectReaped(t)
		client.ExpectTransmissions(t, harness.ACK, 3)
	})
}

// A SYN that nobody answers is sent tcp_syn_retries times again, and since Linux
// 6.5 tcp_syn_linear_timeouts times besides.
func TestSynTransmissions(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server frozen, client connects, SYNs counted on the wire",
		Sysctls: harness.Sysctls{"tcp_syn_retries": 1, "tcp_syn_linear_timeouts": 1},
		Ends:    tcp.Ending{State: tcp.SynSent},
		Needs:   harness.Need{Sysctl: "tcp_syn_linear_timeouts", Since: tcp.Release{Major: 6, Minor: 5}},
	}, func(t *testing.T, lab *harness.Lab) {
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		lab.Server.Freeze(t)

		client := lab.Client.StartDial(t, listener.Addr(), harness.Endpoint{})

		client.Expect(t, tcp.SynSent)
		client.ExpectReaped(t)
		client.ExpectTransmissions(t, harness.SYN, 3)
	})
}

// A SYN-ACK that nobody acknowledges is sent tcp_synack_retries times again.
func TestSynAckTransmissions(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client frozen, one SYN comes from it, SYN-ACKs counted on the wire",
		Sysctls: harness.Sysctls{"tcp_synack_retries": 1, "tcp_syn_retries": 5},
		Ends:    tcp.Ending{State: tcp.SynRecv},
	}, func(t *testing.T, lab *harness.Lab) {
		lab.Client.Freeze(t)

		request := requestBySyn(t, lab)

		request.Expect(t, tcp.SynRecv)
		request.ExpectReaped(t)
		request.ExpectTransmissions(t, harness.SYN|harness.ACK, 2)
	})
}

// TIME_WAIT answers every FIN that its peer sends again, at once, while the peer
// goes on sending it from LAST_ACK because the answers are lost.
func TestTimeWaitReacknowledges(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "the server is deaf for every acknowledgement of its FIN, counted on the wire",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 1, "tcp_fin_timeout": 30},
		Ends:    tcp.Ending{State: tcp.LastAck},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)
		lab.Server.Freeze(t, harness.In)

		require.NoError(t, server.Close())

		server.ExpectReaped(t)
		server.ExpectTransmissions(t, harness.FIN|harness.ACK, 4)
		client.ExpectReacknowledged(t, 4)
		client.Expect(t, tcp.TimeWait)
	})
}
