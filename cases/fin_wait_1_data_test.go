package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// With data in flight before the FIN the same orphan is reaped sooner, by nearly
// a retransmission timeout: the tail loss probe need not wait for a delayed
// acknowledgement and goes out at once, and the first timeout counts from it.
func TestFinWait1ReapedWithData(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client sends and closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2),
		Ends:     tcp.Ending{State: tcp.FinWait1, Hold: tcp.DataInFlight},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Server.Freeze(t)

		_, err := client.Write([]byte("last words"))
		require.NoError(t, err)
		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}
