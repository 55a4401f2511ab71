package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Without the freeze nothing holds FIN_WAIT_1.
func TestControlFinWait1(t *testing.T) {
	harness.Run(t, harness.Case{Name: "control: nothing frozen, client closes"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		client.ExpectNotHeld(t, tcp.FinWait1)
		lab.Client.ExpectMoved(t, tcp.Counters{"RetransSegs": 0, "OutRsts": 0})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}

// Without the freeze nothing holds LAST_ACK.
func TestControlLastAck(t *testing.T) {
	harness.Run(t, harness.Case{Name: "control: nothing frozen, server closes last"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		server.Expect(t, tcp.CloseWait)

		require.NoError(t, server.Close())

		server.Expect(t, tcp.Gone)
		client.Expect(t, tcp.TimeWait)
		server.ExpectNotHeld(t, tcp.LastAck)
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
