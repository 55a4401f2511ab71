package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A half-close is no timeout: the side in CLOSE_WAIT still sends, the side in
// FIN_WAIT_2 still has an owner and still reads, and is not reaped, however much
// longer than tcp_fin_timeout that lasts.
func TestHalfCloseKept(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client half-closes, server goes on sending",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 1},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)

		for range 3 {
			client.ExpectStays(t, tcp.FinWait2, 1500*time.Millisecond)
			_, err := server.Write([]byte("still here"))
			require.NoError(t, err)
			got := make([]byte, 100)
			n, err := client.Read(got)
			require.NoError(t, err)
			require.Equal(t, "still here", string(got[:n]))
		}
		client.ExpectForEver(t)
		server.ExpectForEver(t)
		lab.Client.ExpectCounters(t, tcp.Counters{})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
