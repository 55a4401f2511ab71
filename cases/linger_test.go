package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// SO_LINGER of n seconds has close wait until data and FIN are acknowledged,
// here until the peer was thawed, and no longer.
func TestLingerReachable(t *testing.T) {
	harness.Run(t, harness.Case{Name: "client closes with SO_LINGER of 10 s, server frozen, then thawed"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.SetLinger(10))
		freeze := lab.Server.Freeze(t)
		_, err := client.Write([]byte("last words"))
		require.NoError(t, err)
		closed := make(chan error, 1)
		go func() { closed <- client.Close() }()
		client.Expect(t, tcp.FinWait1)

		freeze.Heal(t)

		require.NoError(t, <-closed)
		client.Expect(t, tcp.FinWait2)
		client.ExpectCloseTook(t, 250*time.Millisecond, 10*time.Second) // FIN_WAIT_1 was held for as long
		data, err := server.ReadAll()
		require.NoError(t, err)
		require.Equal(t, "last words", string(data))
		lab.Client.ExpectMoved(t, tcp.Counters{"TCPAbortOnData": 0, "TCPAbortOnTimeout": 0, "OutRsts": 0})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}

// While the peer is frozen close waits for the n seconds, reports success, and
// gives up only the waiting: on Linux the connection lives on as an orphan, with
// the clock of its FIN unchanged. The socket API of other systems promises an
// abort here.
func TestLingerFrozen(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client closes with SO_LINGER of 1 s, server frozen: close stops waiting and the FIN is sent on, where other systems abort",
		Sysctls: harness.Sysctls{"tcp_orphan_retries": 2, "tcp_retries2": 8},
		Ends:    tcp.Ending{State: tcp.FinWait1},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		require.NoError(t, client.SetLinger(1))
		lab.Server.Freeze(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectCloseTook(t, time.Second, 3*time.Second)
		client.ExpectReaped(t)
	})
}

// Without SO_LINGER close returns at once, and the data is delivered in the
// background, here only after the peer was thawed.
func TestLingerOff(t *testing.T) {
	harness.Run(t, harness.Case{Name: "client closes without SO_LINGER, server frozen, then thawed"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		freeze := lab.Server.Freeze(t)
		_, err := client.Write([]byte("last words"))
		require.NoError(t, err)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1) // held: close did not wait for it
		freeze.Heal(t)
		data, err := server.ReadAll()
		require.NoError(t, err)
		require.Equal(t, "last words", string(data))
		client.Expect(t, tcp.FinWait2)
		lab.Client.ExpectMoved(t, tcp.Counters{"TCPAbortOnData": 0, "TCPAbortOnTimeout": 0, "OutRsts": 0})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
