package cases

import (
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A server that closed first cannot be started again on its port while the old
// connection is in TIME_WAIT, unless both the old and the new socket have
// SO_REUSEADDR. One of them is not enough.
func TestBindWhileInTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "server restarts while its old connection is in TIME_WAIT",
		Variants: []harness.Variant{
			{Name: "no SO_REUSEADDR"}, {Name: "old SO_REUSEADDR"}, {Name: "new SO_REUSEADDR"}, {Name: "both SO_REUSEADDR"},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		before, after := reuse(lab)
		listener, err := lab.Server.Listen(before)
		require.NoError(t, err)
		client, server := meet(t, lab, listener, harness.Endpoint{})
		require.NoError(t, listener.Close())
		closeInOrder(t, server, client)

		_, err = lab.Server.Listen(after)

		if before.ReuseAddr && after.ReuseAddr {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
		}
		server.ExpectStays(t, tcp.TimeWait, 100*time.Millisecond)
		lab.Server.ExpectCounters(t, tcp.Counters{"TW": 1})
		lab.Client.ExpectCounters(t, tcp.Counters{})
	})
}

// reuse is how the variant has the server's socket made, before and after it
// restarts.
func reuse(lab *harness.Lab) (before, after harness.Endpoint) {
	before, after = harness.Endpoint{Port: 6000}, harness.Endpoint{Port: 6000}
	before.ReuseAddr = lab.Variant == "old SO_REUSEADDR" || lab.Variant == "both SO_REUSEADDR"
	after.ReuseAddr = lab.Variant == "new SO_REUSEADDR" || lab.Variant == "both SO_REUSEADDR"
	return before, after
}
