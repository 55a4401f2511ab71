package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// What TIME_WAIT is for: without it, nobody is left to acknowledge the passive
// closer's FIN once more when the first acknowledgement is lost. The FIN that is
// sent again meets no socket and is answered by a RST, which a passive closer
// that only half-closed and still owns its socket is told of.
func TestLastAckWithoutTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{Name: "the last acknowledgement is lost and the client has no TIME_WAIT"}, func(t *testing.T, lab *harness.Lab) {
		lab.Client.SetSysctl(t, "tcp_max_tw_buckets", 0)
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		deaf := lab.Server.Freeze(t, harness.In)
		require.NoError(t, server.CloseWrite())
		server.Expect(t, tcp.LastAck)
		client.Expect(t, tcp.Gone)
		require.False(t, client.Seen(t, tcp.TimeWait))

		deaf.Heal(t)

		server.Expect(t, tcp.Gone)
		_, err := server.Write([]byte("too late"))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		lab.Client.ExpectMoved(t, tcp.Counters{"TCPTimeWaitOverflow": 1, "TW": 0, "TCPAbortOnTimeout": 0})
	})
}
