package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// What the cases do, as far as their expectation, for the tables of mistakes.

// oneSecond is a TCP_USER_TIMEOUT.
var oneSecond = tcp.Options{UserTimeout: time.Second}

// probed are keepalive options: one probe, after a second.
var probed = tcp.Options{Keepalive: true, KeepaliveIdle: time.Second, KeepaliveInterval: time.Second, KeepaliveCount: 1}

// holdDeclared is FIN_WAIT_1 or LAST_ACK of an orphan whose peer is frozen.
func holdDeclared(t *testing.T, lab *Lab) *Conn { return held(t, lab, lab.Ends.State) }

func closeBothWhileServerIsDeaf(t *testing.T, lab *Lab) *Conn {
	client, server := lab.Connect(t)
	lab.Server.Freeze(t, In)
	require.NoError(t, client.Close())
	require.NoError(t, server.Close())
	client.Expect(t, tcp.Closing)
	return client
}

// closeLastWhileDeaf is LAST_ACK of a server that hears none of the answers to its FIN.
func closeLastWhileDeaf(t *testing.T, lab *Lab) *Conn {
	client, server := lab.Connect(t)
	require.NoError(t, client.Close())
	server.Expect(t, tcp.CloseWait)
	lab.Server.Freeze(t, In)
	require.NoError(t, server.Close())
	server.Expect(t, tcp.LastAck)
	return server
}

func sendToFrozenServer(t *testing.T, lab *Lab) *Conn {
	client, _ := lab.ConnectAs(t, Endpoint{Options: lab.Ends.Options}, Endpoint{})
	lab.Server.Freeze(t)
	_, err := client.Write([]byte("anybody there?"))
	require.NoError(t, err)
	return client
}

// fillWindow closes the receive window of a server that answers probes.
func fillWindow(t *testing.T, lab *Lab) *Conn {
	client, _ := lab.ConnectAs(t, Endpoint{Options: lab.Ends.Options}, Endpoint{ReceiveBuffer: 4096})
	client.FillWindow(t)
	return client
}

func fillWindowAndClose(t *testing.T, lab *Lab) *Conn {
	client := fillWindow(t, lab)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)
	return client
}

func fillWindowOfSilentServer(t *testing.T, lab *Lab) *Conn {
	client, _ := lab.ConnectAs(t, Endpoint{}, Endpoint{ReceiveBuffer: 4096})
	lab.Server.Freeze(t, Probes)
	client.FillWindow(t)
	return client
}

// keepAliveWhilePeerIsFrozen switches keepalive on in the declared state.
func keepAliveWhilePeerIsFrozen(t *testing.T, lab *Lab) *Conn {
	conn, peer := lab.Connect(t)
	switch lab.Ends.State {
	case tcp.CloseWait:
		conn, peer = peer, conn
		require.NoError(t, peer.CloseWrite())
	case tcp.FinWait2:
		require.NoError(t, conn.CloseWrite())
	}
	conn.Expect(t, lab.Ends.State)
	peer.host.Freeze(t)
	require.NoError(t, conn.SetOptions(lab.Ends.Options))
	return conn
}

func dialFrozenServer(t *testing.T, lab *Lab) *Conn {
	listener, err := lab.Server.Listen(Endpoint{})
	require.NoError(t, err)
	lab.Server.Freeze(t)
	client := lab.Client.StartDial(t, listener.Addr(), Endpoint{Options: lab.Ends.Options})
	client.Expect(t, tcp.SynSent)
	return client
}

// requestOf is the server's request of a client that is silent behind its SYN;
// what answers it is lost at the frozen host.
func requestOf(t *testing.T, lab *Lab, frozen *Host, only Direction) *Conn {
	listener, err := lab.Server.Listen(Endpoint{})
	require.NoError(t, err)
	frozen.Freeze(t, only)
	from := lab.Client.local(Endpoint{}, clientPort)
	request := lab.Server.Watch(t, listener.Addr(), from)
	lab.Server.Inject(t, Segment{From: from, To: listener.Addr(), Flags: SYN, Seq: 1, Window: 65535})
	request.Expect(t, tcp.SynRecv)
	return request
}

// closeWithLinkDown is FIN_WAIT_1 of an orphan while a host's link is down.
func closeWithLinkDown(t *testing.T, lab *Lab, down *Host) *Conn {
	client, _ := lab.Connect(t)
	down.LinkDown(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)
	return client
}

// closeFirst is FIN_WAIT_2 of an orphan whose peer never closes.
func closeFirst(t *testing.T, lab *Lab) *Conn {
	client, _ := lab.ConnectAs(t, Endpoint{Options: lab.Ends.Options}, Endpoint{})
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)
	return client
}

// shortFinTimeout has tcp_fin_timeout be one second from now on, which a socket
// in TIME_WAIT must not mind.
func shortFinTimeout(t *testing.T, c *Conn) *Conn {
	t.Helper()
	c.host.SetSysctl(t, "tcp_fin_timeout", 1)
	return c
}
