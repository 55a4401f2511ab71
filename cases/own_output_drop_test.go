package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Where a segment is dropped decides which timer runs. Dropped on its sender's own
// way out, a FIN counts as not sent: the persist timer holds FIN_WAIT_1, and
// the orphan ends sooner than if the wire had lost it.
func TestFinDroppedOnItsWayOut(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client frozen itself, client closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.FinWait1, Hold: tcp.NeverSent},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Client.Freeze(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}
