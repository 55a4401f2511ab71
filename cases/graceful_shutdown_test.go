package cases

import (
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// The graceful shutdown, in six steps: the client sends and half-closes, the
// server reads to the end, answers, half-closes, the client reads to the end,
// both close. No byte is lost and no RST is sent.
func TestGracefulShutdown(t *testing.T) {
	harness.Run(t, harness.Case{Name: "both half-close, then close"}, func(t *testing.T, lab *harness.Lab) {
		request, answer := strings.Repeat("request", 10_000), strings.Repeat("answer", 20_000)
		client, server := lab.Connect(t)
		_, err := client.Write([]byte(request))
		require.NoError(t, err)
		require.NoError(t, client.CloseWrite())
		got, err := server.ReadAll()
		require.NoError(t, err)
		require.Equal(t, request, string(got))
		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)

		_, err = server.Write([]byte(answer))
		require.NoError(t, err)
		require.NoError(t, server.CloseWrite())
		got, err = client.ReadAll()
		require.NoError(t, err)
		require.Equal(t, answer, string(got))
		client.Expect(t, tcp.TimeWait)
		server.Expect(t, tcp.Gone)

		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		client.ExpectStays(t, tcp.TimeWait, 100*time.Millisecond)
		lab.Client.ExpectMoved(t, tcp.Counters{"TW": 1, "OutRsts": 0, "TCPAbortOnData": 0, "TCPAbortOnClose": 0})
		lab.Server.ExpectMoved(t, tcp.Counters{"TW": 0, "OutRsts": 0, "TCPAbortOnData": 0, "TCPAbortOnClose": 0})
	})
}
