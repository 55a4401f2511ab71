package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// SO_LINGER of zero seconds makes close an abort: a RST at once, no FIN, and what
// was not sent yet is lost. The peer reads what it had received, then gets
// ECONNRESET.
func TestLingerZero(t *testing.T) {
	harness.Run(t, harness.Case{Name: "client closes with SO_LINGER of 0 s"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.ConnectAs(t, harness.Endpoint{}, harness.Endpoint{ReceiveBuffer: 4096})
		wire := lab.Client.Capture(t)
		client.FillWindow(t)
		received, err := server.Unread()
		require.NoError(t, err)
		require.NoError(t, client.SetLinger(0))

		require.NoError(t, client.Close())

		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.Gone)
		data, err := server.ReadAll()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Len(t, data, received)
		require.Empty(t, fins(wire.Segments(t)))
		lab.Client.ExpectMoved(t, tcp.Counters{"TCPAbortOnData": 1, "OutRsts": 1, "EstabResets": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{"EstabResets": 1})
	})
}
