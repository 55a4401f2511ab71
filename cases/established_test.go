package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// The baseline: a listener waits in LISTEN, and what it accepts is ESTABLISHED
// on both sides. No timer is armed, so an idle connection never ends.
func TestEstablished(t *testing.T) {
	harness.Run(t, harness.Case{Name: "connected and idle"}, func(t *testing.T, lab *harness.Lab) {
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		state, err := listener.State()
		require.NoError(t, err)
		require.Equal(t, tcp.Listen, state)

		client, server := meet(t, lab, listener, harness.Endpoint{})

		client.Expect(t, tcp.Established)
		server.Expect(t, tcp.Established)
		client.ExpectForEver(t)
		server.ExpectForEver(t)
		lab.Client.ExpectCounters(t, tcp.Counters{})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
