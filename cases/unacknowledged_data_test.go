package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// Data that is never acknowledged ends a connection when the time that
// tcp_retries2 stands for is spent. The application is told ETIMEDOUT once,
// then end of file and EPIPE. tcp_orphan_retries plays no part.
func TestUnacknowledgedData(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client sends",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 7, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_retries2", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight},
	}, sendWhileServerIsFrozen)
}

func sendWhileServerIsFrozen(t *testing.T, lab *harness.Lab) {
	client, _ := lab.Connect(t)
	lab.Server.Freeze(t)

	_, err := client.Write([]byte("anybody there?"))
	require.NoError(t, err)

	client.ExpectReaped(t)
}

// A half-closed socket whose FIN is not acknowledged has an owner still, and so
// it is tcp_retries2 that rules its FIN_WAIT_1.
func TestFinWait1WithOwner(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client half-closes",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 7, "tcp_fin_timeout": 20},
		Variants: harness.Sweep("tcp_retries2", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.FinWait1, Owned: true},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		lab.Server.Freeze(t)

		require.NoError(t, client.CloseWrite())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}
