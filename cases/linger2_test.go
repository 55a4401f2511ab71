package cases

import (
	"fmt"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// TCP_LINGER2 takes the place of tcp_fin_timeout for one socket, longer or
// shorter. 0 leaves it to the sysctl, a negative value abolishes FIN_WAIT_2, and
// what is above 120 s counts as 120 s. Above 60 s it means the same strange
// thing as in tcp_fin_timeout.
func TestLinger2(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server never closes",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 2, "tcp_retries2": 4},
		Variants: []harness.Variant{
			linger2(0, 3), linger2(1, 3), linger2(30, 3),
			linger2(0, 200), linger2(1, 200), linger2(30, 200), linger2(65, 3), linger2(200, 3),
		},
	}, closeWithLinger2)
}

func linger2(seconds, finTimeout int) harness.Variant {
	return harness.Variant{
		Name:    fmt.Sprintf("TCP_LINGER2=%d, tcp_fin_timeout=%d", seconds, finTimeout),
		Sysctls: harness.Sysctls{"tcp_fin_timeout": finTimeout},
		Ends:    tcp.Ending{State: tcp.FinWait2, Options: tcp.Options{Linger2: time.Duration(seconds) * time.Second}},
	}
}

func closeWithLinger2(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)
	require.NoError(t, client.SetOptions(lab.Ends.Options))

	require.NoError(t, client.Close())

	client.Expect(t, tcp.FinWait2)
	server.Expect(t, tcp.CloseWait)
	client.ExpectReaped(t)
	server.ExpectForEver(t)
}

// With TCP_LINGER2 of -1 there is no FIN_WAIT_2: as soon as the FIN is
// acknowledged, or on close if it is already, a RST ends the connection.
func TestLinger2Negative(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "client closes with TCP_LINGER2 of -1",
		Variants: []harness.Variant{
			{Name: "close, tcp_fin_timeout=3", Sysctls: harness.Sysctls{"tcp_fin_timeout": 3}},
			{Name: "close, tcp_fin_timeout=200", Sysctls: harness.Sysctls{"tcp_fin_timeout": 200}},
			{Name: "half-close, then close", Sysctls: harness.Sysctls{"tcp_fin_timeout": 30}},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.SetOptions(tcp.Options{Linger2: -time.Second}))
		moved := tcp.Counters{"TCPAbortOnData": 1, "OutRsts": 1}
		if lab.Variant == "half-close, then close" {
			require.NoError(t, client.CloseWrite())
			client.Expect(t, tcp.FinWait2)
			moved = tcp.Counters{"TCPAbortOnLinger": 1, "OutRsts": 1}
		}

		require.NoError(t, client.Close())

		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.Gone)
		lab.Client.ExpectCounters(t, moved)
		lab.Server.ExpectCounters(t, tcp.Counters{"EstabResets": 1})
	})
}
