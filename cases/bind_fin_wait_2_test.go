package cases

import (
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// hundredsOfKilobytes are more than a client's receive buffer holds by default.
const hundredsOfKilobytes = 600 << 10

// A server has sent hundreds of kilobytes and closed; the client has read
// none of it and waits in CLOSE_WAIT. The old connection is in FIN_WAIT_2, and the
// server's port is taken as it is in TIME_WAIT.
func TestBindWhileInFinWait2(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "server restarts while its old connection is in FIN_WAIT_2",
		Variants: []harness.Variant{
			{Name: "no SO_REUSEADDR"}, {Name: "old SO_REUSEADDR"}, {Name: "new SO_REUSEADDR"}, {Name: "both SO_REUSEADDR"},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		lab.Client.SetReceiveMemory(t, 4*hundredsOfKilobytes)
		before, after := reuse(lab)
		listener, err := lab.Server.Listen(before)
		require.NoError(t, err)
		client, server := meet(t, lab, listener, harness.Endpoint{})
		_, err = server.Write(make([]byte, hundredsOfKilobytes))
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		require.NoError(t, server.Close())
		server.Expect(t, tcp.FinWait2)
		client.Expect(t, tcp.CloseWait)
		unread, err := client.Unread()
		require.NoError(t, err)
		require.Equal(t, hundredsOfKilobytes, unread)

		_, err = lab.Server.Listen(after)

		if before.ReuseAddr && after.ReuseAddr {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
		}
		lab.Server.ExpectMoved(t, tcp.Counters{"TCPAbortOnData": 0, "TCPAbortOnClose": 0, "OutRsts": 0})
		lab.Client.ExpectCounters(t, tcp.Counters{})
	})
}

// Where the client's buffer does not hold it all, the FIN waits behind the data,
// and the server does not come past FIN_WAIT_1.
func TestFinBehindUnreadData(t *testing.T) {
	harness.Run(t, harness.Case{Name: "server closes, client reads nothing of what does not fit"}, func(t *testing.T, lab *harness.Lab) {
		lab.Client.SetReceiveMemory(t, hundredsOfKilobytes/10)
		client, server := lab.Connect(t)
		server.FillWindow(t)
		unsent, err := server.Unsent()
		require.NoError(t, err)
		require.NotZero(t, unsent)

		require.NoError(t, server.Close())

		server.Expect(t, tcp.FinWait1)
		client.ExpectStays(t, tcp.Established, 100*time.Millisecond)
		lab.Server.ExpectMoved(t, tcp.Counters{"TW": 0, "TCPAbortOnData": 0, "TCPAbortOnTimeout": 0, "OutRsts": 0})
		lab.Client.ExpectCounters(t, tcp.Counters{})
	})
}
