package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// threeSeconds is TCP_USER_TIMEOUT, which tcp_retries2=1 undercuts and
// tcp_retries2=8 exceeds, and tcp_orphan_retries likewise.
var threeSeconds = tcp.Options{UserTimeout: 3 * time.Second}

// TCP_USER_TIMEOUT takes the place of tcp_retries2, be it longer or shorter: data
// that is not acknowledged by then ends the connection.
func TestUserTimeout(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client with TCP_USER_TIMEOUT of 3 s sends",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 7},
		Variants: harness.Sweep("tcp_retries2", 1, 8),
		Ends:     tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight, Options: threeSeconds},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		require.NoError(t, client.SetOptions(lab.Ends.Options))
		lab.Server.Freeze(t)

		_, err := client.Write([]byte("anybody there?"))
		require.NoError(t, err)

		client.ExpectReaped(t)
	})
}

// It outlives its owner: an orphan's FIN has that long, whatever
// tcp_orphan_retries says.
func TestUserTimeoutOfOrphan(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, client with TCP_USER_TIMEOUT of 3 s closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 8, "tcp_synack_retries": 4},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 5),
		Ends:     tcp.Ending{State: tcp.FinWait1, Options: threeSeconds},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.Connect(t)
		require.NoError(t, client.SetOptions(lab.Ends.Options))
		lab.Server.Freeze(t)

		require.NoError(t, client.Close())

		client.Expect(t, tcp.FinWait1)
		client.ExpectReaped(t)
	})
}

// It bounds connect, too.
func TestUserTimeoutOfConnect(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server frozen, client with TCP_USER_TIMEOUT of 3 s connects",
		Sysctls: harness.Sysctls{"tcp_syn_retries": 4},
		Ends:    tcp.Ending{State: tcp.SynSent, Options: threeSeconds},
	}, connectWhileServerIsFrozen)
}
