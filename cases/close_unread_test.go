package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Closing with data unread is an abort: a RST tells the peer that what it sent was
// lost (RFC 2525, section 2.17), and what it had queued besides is lost, too. No
// FIN is sent, and no closing state is seen.
func TestCloseWithUnreadData(t *testing.T) {
	harness.Run(t, harness.Case{Name: "client closes without reading, server has more to send"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.ConnectAs(t, unreading, harness.Endpoint{})
		wire := lab.Client.Capture(t)
		server.FillWindow(t)
		queued, err := server.Unsent()
		require.NoError(t, err)
		require.NotZero(t, queued)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.Gone)
		_, err = server.ReadAll()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = server.Write([]byte("too late"))
		require.ErrorIs(t, err, syscall.EPIPE)
		require.Empty(t, fins(wire.Segments(t)))
		lab.Client.ExpectCounters(t, tcp.Counters{"TCPAbortOnClose": 1, "OutRsts": 1, "EstabResets": 1})
		lab.Server.ExpectMoved(t, tcp.Counters{"EstabResets": 1, "OutRsts": 0})
	})
}
