package cases

import (
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A client with a fixed port connects again after a proper close.
//
// If the server closed first, TIME_WAIT is at the server, which accepts the new
// SYN at once, for its timestamp is newer. If the client did, TIME_WAIT is at the
// client and holds the port: bind fails, unless both sockets have SO_REUSEADDR.
// If both closed at once, TIME_WAIT is on both sides, and the client's decides.
func TestReconnectWhileInTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "client reconnects from a fixed port after a proper close",
		Variants: []harness.Variant{
			{Name: "server closed first"},
			{Name: "client closed first"}, {Name: "client closed first, SO_REUSEADDR"},
			{Name: "both closed at once"}, {Name: "both closed at once, SO_REUSEADDR"},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		var fixed harness.Endpoint
		fixed.Port = fixedPort
		fixed.ReuseAddr = lab.Variant == "client closed first, SO_REUSEADDR" || lab.Variant == "both closed at once, SO_REUSEADDR"
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		client, server := meet(t, lab, listener, fixed)
		closeInTurn(t, lab, client, server)

		again, err := lab.Client.Dial(listener.Addr(), fixed)

		if lab.Variant == "server closed first" || fixed.ReuseAddr {
			require.NoError(t, err)
			again.Expect(t, tcp.Established)
			lab.Server.ExpectMoved(t, tcp.Counters{"OutRsts": 0})
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			client.ExpectStays(t, tcp.TimeWait, 100*time.Millisecond)
		}
	})
}

// closeInTurn closes as the variant says and waits for TIME_WAIT.
func closeInTurn(t *testing.T, lab *harness.Lab, client, server *harness.Conn) {
	t.Helper()
	switch lab.Variant {
	case "server closed first":
		closeInOrder(t, server, client)
		client.Expect(t, tcp.Gone)
	case "both closed at once", "both closed at once, SO_REUSEADDR":
		freeze := lab.Server.Freeze(t)
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		freeze.Heal(t)
		client.Expect(t, tcp.TimeWait)
		server.Expect(t, tcp.TimeWait)
	default:
		closeInOrder(t, client, server)
	}
}

// The port is free again when TIME_WAIT is over, on whichever side it was.
func TestReconnectAfterTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client reconnects from a fixed port when TIME_WAIT is over",
		Sysctls:  harness.Sysctls{"tcp_fin_timeout": 30},
		Variants: []harness.Variant{{Name: "client closed first"}, {Name: "server closed first"}, {Name: "both closed at once"}},
		Ends:     tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		fixed := harness.Endpoint{Port: fixedPort}
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		client, server := meet(t, lab, listener, fixed)
		closeInTurn(t, lab, client, server)
		holder := client
		if lab.Variant == "server closed first" {
			holder = server
		}
		holder.ExpectReaped(t)

		_, err = lab.Client.Dial(listener.Addr(), fixed)

		if client.Seen(t, tcp.Gone) {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE) // the watch was cut short
		}
	})
}
