package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A client with a fixed port cannot connect again while its first socket is in
// CLOSE_WAIT, which is for as long as it does not close it: bind fails, or with
// SO_REUSEADDR connect does. When the client lets go, the server's FIN_WAIT_2
// becomes TIME_WAIT, and the port is free.
func TestReconnectWhileInCloseWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client reconnects from a fixed port while its first socket is in CLOSE_WAIT",
		Variants: []harness.Variant{{Name: "no SO_REUSEADDR"}, {Name: "SO_REUSEADDR"}},
	}, func(t *testing.T, lab *harness.Lab) {
		fixed := harness.Endpoint{Port: fixedPort, ReuseAddr: lab.Variant == "SO_REUSEADDR"}
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		client, server := meet(t, lab, listener, fixed)
		require.NoError(t, server.Close())
		client.Expect(t, tcp.CloseWait)
		server.Expect(t, tcp.FinWait2)

		_, err = lab.Client.Dial(listener.Addr(), fixed)

		if fixed.ReuseAddr {
			require.ErrorIs(t, err, syscall.EADDRNOTAVAIL) // from connect
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE) // from bind
		}
		client.ExpectForEver(t)

		require.NoError(t, client.Close())
		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.TimeWait)
		lab.Client.ExpectCounters(t, tcp.Counters{})
		lab.Server.ExpectCounters(t, tcp.Counters{"TW": 1})
		_, err = lab.Client.Dial(listener.Addr(), fixed)
		require.NoError(t, err)
	})
}

// A client that never closes lets go of its port when its process ends, here by SIGKILL:
// the kernel closes for it.
func TestReconnectWhenProcessHasEnded(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "client's process ends while its socket is in CLOSE_WAIT, another reconnects from its port",
	}, func(t *testing.T, lab *harness.Lab) {
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		program, client := connectFromProgram(t, lab, listener.Addr())
		server, err := listener.Accept()
		require.NoError(t, err)
		require.NoError(t, server.Close())
		client.Expect(t, tcp.CloseWait)
		server.Expect(t, tcp.FinWait2)
		_, err = lab.Client.Dial(listener.Addr(), harness.Endpoint{Port: fixedPort})
		require.ErrorIs(t, err, syscall.EADDRINUSE)

		require.NoError(t, program.Signal(syscall.SIGKILL))
		require.ErrorContains(t, program.Wait(), "signal: killed")

		client.Expect(t, tcp.Gone)
		server.Expect(t, tcp.TimeWait)
		_, err = lab.Client.Dial(listener.Addr(), harness.Endpoint{Port: fixedPort})
		require.NoError(t, err)
	})
}
