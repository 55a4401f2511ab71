package harness

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An untimedMistake is the opposite of what cases do that judge no end by time:
// the fault is missing, an option is another, or the expectation is wrong.
type untimedMistake struct {
	// cases are the functions of the cases that it stands for.
	cases []string
	// shownBy is a test of its own that shows the mistake; the row runs nothing.
	shownBy string
	// mistake says what is done or expected otherwise.
	mistake string
	ends    tcp.Ending
	sysctls Sysctls
	needs   Need
	// does makes the mistake and returns what is said: by the expectation, or
	// by the system call, as told has it.
	does func(t *testing.T, lab *Lab) string
	says string
}

// untimedMistakes has a row at least for each case that judges no end by time.
var untimedMistakes = slices.Concat(stateMistakes, lingerMistakes, shutdownMistakes, portMistakes, segmentMistakes, wireMistakes)

// stateMistakes are about what holds a state, and what does not.
var stateMistakes = []untimedMistake{
	{cases: []string{"TestControlFinWait1"}, shownBy: "TestMistakenControl"},
	{cases: []string{"TestHalfCloseKept"}, shownBy: "TestMistakenStay"},
	{cases: []string{"TestCloseWait"}, shownBy: "TestMistakenForEver"},
	{
		cases: []string{"TestControlLastAck"}, mistake: "client frozen", says: "server was held in LAST_ACK for at least",
		does: func(t *testing.T, lab *Lab) string {
			conn := held(t, lab, tcp.LastAck)
			return mistake(t, func(tb testing.TB) { conn.ExpectNotHeld(tb, tcp.LastAck) })
		},
	},
	{
		cases: []string{"TestEstablished"}, mistake: "keepalive on", says: "client is ESTABLISHED, which a timer ends",
		does: func(t *testing.T, lab *Lab) string {
			client, _ := lab.Connect(t)
			require.NoError(t, client.SetOptions(probed))
			return mistake(t, func(tb testing.TB) { client.ExpectForEver(tb) })
		},
	},
	{
		cases: []string{"TestZeroWindowAnswered"}, mistake: "server answers no probe",
		ends: tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered}, sysctls: Sysctls{"tcp_retries2": 1},
		says: "client is gone, should have stayed in ESTABLISHED",
		does: func(t *testing.T, lab *Lab) string {
			client := fillWindowOfSilentServer(t, lab)
			return mistake(t, func(tb testing.TB) { client.ExpectStays(tb, tcp.Established, 3*time.Second) })
		},
	},
	{
		cases: []string{"TestZeroWindowAnswered"}, mistake: "another tcp_retries2",
		ends: tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered}, sysctls: Sysctls{"tcp_retries2": 1},
		says: "client is ESTABLISHED (zero window, peer answers), which a timer ends",
		does: func(t *testing.T, lab *Lab) string {
			client := fillWindow(t, lab)
			return mistake(t, func(tb testing.TB) { client.ExpectForEver(tb) })
		},
	},
	{
		cases: []string{"TestFinBehindUnreadData"}, mistake: "everything fits", says: "server was not held in FIN_WAIT_1",
		does: func(t *testing.T, lab *Lab) string {
			_, server := lab.Connect(t)
			_, err := server.Write(make([]byte, 10<<10))
			require.NoError(t, err)
			require.NoError(t, server.Close())
			return mistake(t, func(tb testing.TB) { server.Expect(tb, tcp.FinWait1) })
		},
	},
	{
		cases: []string{"TestTimeWaitBuckets"}, mistake: "a bucket for each", sysctls: Sysctls{"tcp_max_tw_buckets": 2},
		says: "TCPTimeWaitOverflow moved by 0, not 1",
		does: func(t *testing.T, lab *Lab) string {
			for range 2 {
				client, server := lab.Connect(t)
				require.NoError(t, client.Close())
				server.Expect(t, tcp.CloseWait)
				require.NoError(t, server.Close())
				client.Expect(t, tcp.TimeWait)
			}
			return counted(t, lab.Client, tcp.Counters{"TCPTimeWaitOverflow": 1})
		},
	},
}

// lingerMistakes are about SO_LINGER and TCP_LINGER2, and about what is unread.
var lingerMistakes = []untimedMistake{
	{cases: []string{"TestLingerOff"}, shownBy: "TestMistakenNoFreeze"},
	{
		cases: []string{"TestLingerOff", "TestLingerReachable"}, mistake: "server frozen, SO_LINGER of 1 s",
		says: "close took 1 s",
		does: func(t *testing.T, lab *Lab) string { return lingering(t, lab, 1) },
	},
	{
		cases: []string{"TestLingerFrozen"}, mistake: "no SO_LINGER", says: "close took 0 s",
		does: func(t *testing.T, lab *Lab) string { return lingering(t, lab, -1) },
	},
	{
		cases: []string{"TestLingerZero"}, mistake: "no SO_LINGER", says: "success",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.ConnectAs(t, Endpoint{}, Endpoint{ReceiveBuffer: 4096})
			client.FillWindow(t)
			require.NoError(t, client.Close())
			_, err := server.ReadAll()
			return told(err)
		},
	},
	{
		cases: []string{"TestResetInFinWait2"}, mistake: "server has no SO_LINGER", says: "TCPAbortOnData moved by 0, not 1",
		does: func(t *testing.T, lab *Lab) string {
			passive, active := lab.Connect(t)
			closeInTurn(t, active, passive)
			return counted(t, lab.Client, tcp.Counters{"TCPAbortOnData": 1})
		},
	},
	{
		cases: []string{"TestLinger2Negative"}, mistake: "no TCP_LINGER2", says: "TCPAbortOnData moved by 0, not 1",
		does: func(t *testing.T, lab *Lab) string {
			closeFirst(t, lab)
			return counted(t, lab.Client, tcp.Counters{"TCPAbortOnData": 1})
		},
	},
	{
		cases: []string{"TestCloseWithUnreadData"}, mistake: "client reads first", says: "TCPAbortOnClose moved by 0, not 1",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.Connect(t)
			_, err := server.Write([]byte("read"))
			require.NoError(t, err)
			_, err = client.Read(make([]byte, len("read")))
			require.NoError(t, err)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait2)
			return counted(t, lab.Client, tcp.Counters{"TCPAbortOnClose": 1})
		},
	},
}

// shutdownMistakes are about what each end may still say.
var shutdownMistakes = []untimedMistake{
	{
		cases: []string{"TestGracefulShutdown"}, mistake: "client closes in place of its half-close", says: "OutRsts moved by 1, not 0",
		does: func(t *testing.T, lab *Lab) string {
			client := closeFirst(t, lab)
			_, err := client.peer().Write([]byte("answer"))
			require.NoError(t, err)
			client.Expect(t, tcp.Gone)
			return counted(t, lab.Client, tcp.Counters{"TW": 1, "OutRsts": 0})
		},
	},
	{
		cases: []string{"TestWriteAfterPeerClosed"}, mistake: "client half-closes", says: "success",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.Connect(t)
			require.NoError(t, client.CloseWrite())
			server.Expect(t, tcp.CloseWait)
			_, err := server.Write([]byte("anybody there?"))
			require.NoError(t, err)
			client.ExpectUnread(t, len("anybody there?"))
			_, err = server.Write([]byte("hello?"))
			return told(err)
		},
	},
	{
		cases: []string{"TestLastAckWithoutTimeWait"}, mistake: "client has TIME_WAIT", says: "EPIPE",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.Connect(t)
			require.NoError(t, client.CloseWrite())
			server.Expect(t, tcp.CloseWait)
			deaf := lab.Server.Freeze(t, In)
			require.NoError(t, server.CloseWrite())
			client.Expect(t, tcp.TimeWait)
			deaf.Heal(t)
			server.Expect(t, tcp.Gone)
			_, err := server.Write([]byte("too late"))
			return told(err)
		},
	},
}

// portMistakes are about who may have a port.
var portMistakes = []untimedMistake{
	{
		cases: []string{"TestBindWhileInFinWait2", "TestBindWhileInTimeWait"}, mistake: "old connection is gone", says: "success",
		does: func(t *testing.T, lab *Lab) string { return restarted(t, lab, tcp.Gone, false) },
	},
	{
		cases: []string{"TestBindWhileInFinWait2"}, mistake: "both SO_REUSEADDR, not neither", says: "success",
		does: func(t *testing.T, lab *Lab) string { return restarted(t, lab, tcp.FinWait2, true) },
	},
	{
		cases: []string{"TestBindWhileInFinWait2"}, mistake: "no SO_REUSEADDR, not both", says: "EADDRINUSE",
		does: func(t *testing.T, lab *Lab) string { return restarted(t, lab, tcp.FinWait2, false) },
	},
	{
		cases: []string{"TestBindWhileInTimeWait"}, mistake: "both SO_REUSEADDR, not neither", says: "success",
		does: func(t *testing.T, lab *Lab) string { return restarted(t, lab, tcp.TimeWait, true) },
	},
	{
		cases: []string{"TestBindWhileInTimeWait"}, mistake: "no SO_REUSEADDR, not both", says: "EADDRINUSE",
		does: func(t *testing.T, lab *Lab) string { return restarted(t, lab, tcp.TimeWait, false) },
	},
	{
		cases: []string{"TestTwoServersOnOnePort"}, mistake: "SO_REUSEPORT, not SO_REUSEADDR", says: "success",
		does: func(t *testing.T, lab *Lab) string { return listenTwice(t, lab, Endpoint{Port: 6000, ReusePort: true}) },
	},
	{
		cases: []string{"TestTwoServersOnOnePort"}, mistake: "SO_REUSEADDR, not SO_REUSEPORT", says: "EADDRINUSE",
		does: func(t *testing.T, lab *Lab) string { return listenTwice(t, lab, Endpoint{Port: 6000, ReuseAddr: true}) },
	},
	{
		cases: []string{"TestReconnectWhileInCloseWait"}, mistake: "client closes first", says: "success",
		does: func(t *testing.T, lab *Lab) string {
			return reconnected(t, lab, Endpoint{Port: clientPort}, func(client, server *Conn) {
				require.NoError(t, server.Close())
				client.Expect(t, tcp.CloseWait)
				require.NoError(t, client.Close())
				client.Expect(t, tcp.Gone)
			})
		},
	},
	{
		cases: []string{"TestReconnectWhileInCloseWait", "TestReconnectWhenProcessHasEnded"}, mistake: "client keeps its socket", says: "EADDRINUSE",
		does: func(t *testing.T, lab *Lab) string {
			return reconnected(t, lab, Endpoint{Port: clientPort}, func(client, server *Conn) {
				require.NoError(t, server.Close())
				client.Expect(t, tcp.CloseWait)
			})
		},
	},
	{
		cases: []string{"TestReconnectWhileInTimeWait"}, mistake: "server closed first, not the client", says: "success",
		does: func(t *testing.T, lab *Lab) string {
			return reconnected(t, lab, Endpoint{Port: clientPort}, func(client, server *Conn) { closeInTurn(t, server, client) })
		},
	},
	{
		cases: []string{"TestReconnectWhileInTimeWait", "TestReconnectAfterTimeWait"}, mistake: "client closed first, not the server",
		says: "EADDRINUSE",
		does: func(t *testing.T, lab *Lab) string {
			return reconnected(t, lab, Endpoint{Port: clientPort}, func(client, server *Conn) { closeInTurn(t, client, server) })
		},
	},
	{
		cases: []string{"TestEphemeralPortInTimeWait", "TestEphemeralPortReuseDelay"}, mistake: "server closed first", says: "success",
		does: func(t *testing.T, lab *Lab) string {
			lab.Client.SetPortRange(t, clientPort)
			return reconnected(t, lab, Endpoint{Unbound: true}, func(client, server *Conn) { closeInTurn(t, server, client) })
		},
	},
	{
		cases: []string{"TestEphemeralPortInTimeWait"}, mistake: "tcp_tw_reuse=0, not 1", sysctls: Sysctls{"tcp_tw_reuse": 0}, says: "EADDRNOTAVAIL",
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, netip.Addr{}) },
	},
	{
		cases: []string{"TestEphemeralPortInTimeWait"}, mistake: "tcp_tw_reuse=1, not 0 or 2", sysctls: Sysctls{"tcp_tw_reuse": 1}, says: "success",
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, netip.Addr{}) },
	},
	{
		cases: []string{"TestEphemeralPortInTimeWaitOnLoopback"}, mistake: "tcp_tw_reuse=0, not 2", sysctls: Sysctls{"tcp_tw_reuse": 0},
		says: "EADDRNOTAVAIL",
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, loopback) },
	},
	{
		cases: []string{"TestEphemeralPortInTimeWaitOnLoopback"}, mistake: "tcp_tw_reuse=2, not 0", sysctls: Sysctls{"tcp_tw_reuse": 2},
		says: "success",
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, loopback) },
	},
	{
		cases: []string{"TestEphemeralPortReuseDelay"}, mistake: "tcp_tw_reuse_delay=1000, not 3000", says: "success",
		sysctls: Sysctls{"tcp_tw_reuse": 1, "tcp_tw_reuse_delay": 1000}, needs: needsReuseDelay,
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, netip.Addr{}) },
	},
	{
		cases: []string{"TestEphemeralPortReuseDelay"}, mistake: "tcp_tw_reuse_delay=60000, not 3000", says: "EADDRNOTAVAIL",
		sysctls: Sysctls{"tcp_tw_reuse": 1, "tcp_tw_reuse_delay": 60_000}, needs: needsReuseDelay,
		does: func(t *testing.T, lab *Lab) string { return reusedLater(t, lab, netip.Addr{}) },
	},
}

var needsReuseDelay = Need{Sysctl: "tcp_tw_reuse_delay", Since: tcp.Release{Major: 6, Minor: 14}}

// These have their labs to themselves: to build more at once would make the timers
// of the timed ones late.
func TestMistakenDeed(t *testing.T) {
	for _, row := range untimedMistakes {
		if row.shownBy != "" {
			continue
		}
		t.Run(row.name(), func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

func (row untimedMistake) name() string { return strings.Join(row.cases, ",") + "/" + row.mistake }

func (row untimedMistake) run(t *testing.T) {
	lab := labFor(t, Case{Ends: row.ends, Sysctls: row.sysctls, Needs: row.needs})
	assert.Contains(t, row.does(t, lab), row.says)
}

// told is what a system call says: the name of its error, or success.
func told(err error) string {
	if err == nil {
		return "success"
	}
	return string(name(err))
}

// counted is what a wrong expectation about counters says.
func counted(t *testing.T, host *Host, wrong tcp.Counters) string {
	t.Helper()
	return mistake(t, func(tb testing.TB) { host.ExpectMoved(tb, wrong) })
}

// lingering is how long a close takes whose FIN is not acknowledged.
func lingering(t *testing.T, lab *Lab, seconds int) string {
	client, _ := lab.Connect(t)
	require.NoError(t, client.SetLinger(seconds))
	lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	return fmt.Sprintf("close took %d s", client.CloseTook()/time.Second)
}

// restarted is what a server is told that listens again on its port, while its
// old connection is in the state.
func restarted(t *testing.T, lab *Lab, old tcp.State, reuse bool) string {
	e := Endpoint{Port: serverPort, ReuseAddr: reuse}
	listener, err := lab.Server.Listen(e)
	require.NoError(t, err)
	client, server := meet(t, lab, listener, Endpoint{})
	require.NoError(t, listener.Close())
	require.NoError(t, server.Close())
	client.Expect(t, tcp.CloseWait)
	switch old {
	case tcp.Gone:
		require.NoError(t, client.abort())
	case tcp.TimeWait:
		require.NoError(t, client.Close())
	}
	server.Expect(t, old)
	_, err = lab.Server.Listen(e)
	return told(err)
}

// listenTwice is what the second of two servers on one address is told.
func listenTwice(t *testing.T, lab *Lab, e Endpoint) string {
	_, err := lab.Server.Listen(e)
	require.NoError(t, err)
	_, err = lab.Server.Listen(e)
	return told(err)
}

// reconnected is what a client is told that connects again from its port after
// the first connection was ended.
func reconnected(t *testing.T, lab *Lab, from Endpoint, end func(client, server *Conn)) string {
	listener, err := lab.Server.Listen(Endpoint{})
	require.NoError(t, err)
	end(meet(t, lab, listener, from))
	_, err = lab.Client.Dial(listener.Addr(), from)
	return told(err)
}

// reusedLater is what a client is told whose only ephemeral port has been in
// TIME_WAIT for more than a second. at is where it connects to, if not the
// server.
func reusedLater(t *testing.T, lab *Lab, at netip.Addr) string {
	lab.Client.SetPortRange(t, clientPort)
	host := lab.Server
	if at.IsValid() {
		host = lab.Client
	}
	listener, err := host.Listen(Endpoint{Addr: at})
	require.NoError(t, err)
	client, server := meet(t, lab, listener, Endpoint{Unbound: true})
	closeInTurn(t, client, server)
	client.ExpectStays(t, tcp.TimeWait, 2*time.Second)
	_, err = lab.Client.Dial(listener.Addr(), Endpoint{Unbound: true})
	return told(err)
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func meet(t *testing.T, lab *Lab, listener *Listener, from Endpoint) (client, server *Conn) {
	t.Helper()
	client, err := lab.Client.Dial(listener.Addr(), from)
	require.NoError(t, err)
	server, err = listener.Accept()
	require.NoError(t, err)
	return client, server
}

// closeInTurn leaves TIME_WAIT with the active closer.
func closeInTurn(t *testing.T, active, passive *Conn) {
	t.Helper()
	require.NoError(t, active.Close())
	passive.Expect(t, tcp.CloseWait)
	require.NoError(t, passive.Close())
	active.Expect(t, tcp.TimeWait)
}
