package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// The client has closed for good and the server goes on writing. The first
// write succeeds: the kernel takes it, the client's answers with a RST, and its
// FIN_WAIT_2 is gone with that. Only the next write fails, and the ones after, with
// EPIPE: that is what a RST means in CLOSE_WAIT, where other states are told
// ECONNRESET (tcp_reset in net/ipv4/tcp_input.c).
func TestWriteAfterPeerClosed(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client closes, server keeps writing",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 30},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)

		_, err := server.Write([]byte("anybody there?"))
		require.NoError(t, err)

		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.Gone)
		for range 2 {
			_, err = server.Write([]byte("hello?"))
			require.ErrorIs(t, err, syscall.EPIPE)
		}
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1, "OutRsts": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{"EstabResets": 1})
	})
}
