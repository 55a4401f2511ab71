package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// When tcp_max_tw_buckets are in use there is no TIME_WAIT for the next
// connection: it is gone at once, and TCPTimeWaitOverflow counts it.
func TestTimeWaitBuckets(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "two connections close, there is one bucket for TIME_WAIT",
		Sysctls: harness.Sysctls{"tcp_max_tw_buckets": 1},
	}, func(t *testing.T, lab *harness.Lab) {
		first, firstServer := lab.Connect(t)
		second, secondServer := lab.Connect(t)
		require.NoError(t, first.CloseWrite())
		require.NoError(t, firstServer.Close())
		first.Expect(t, tcp.TimeWait)

		require.NoError(t, second.CloseWrite())
		second.Expect(t, tcp.FinWait2)
		require.NoError(t, secondServer.Close())

		second.Expect(t, tcp.Gone)
		require.False(t, second.Seen(t, tcp.TimeWait))
		first.ExpectStays(t, tcp.TimeWait, 100*time.Millisecond)
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1, "TCPTimeWaitOverflow": 1})
	})
}
