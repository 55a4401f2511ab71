package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// TIME_WAIT lasts 60 s, a constant of the kernel. tcp_fin_timeout, often taken
// for its length, changes nothing.
func TestTimeWaitLength(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:  "both closed",
		Sweep: harness.Sweep{Sysctl: "tcp_fin_timeout", Values: []int{5, 120}},
		Ends:  tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.Close())
		server.Expect(t, tcp.CloseWait)

		require.NoError(t, server.Close())

		client.Expect(t, tcp.TimeWait)
		client.ExpectReaped(t)
	})
}
