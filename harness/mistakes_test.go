package harness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A suite is worth what it refuses. Each test here makes one mistake, in the
// prediction or in what is done, and the expectation must fail and name the
// cause.

// failure is what a failed expectation would have told its test.
type failure struct {
	testing.TB
	text strings.Builder
}

func (f *failure) Helper()                           {}
func (f *failure) Errorf(format string, args ...any) { fmt.Fprintf(&f.text, format, args...) }
func (f *failure) Fatalf(format string, args ...any) { f.Errorf(format, args...); f.FailNow() }
func (f *failure) Fatal(args ...any)                 { f.Fatalf("%s", fmt.Sprint(args...)) }
func (f *failure) FailNow()                          { panic(f) }

// mistake runs what must fail, and returns what it says.
func mistake(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	says := failing(t, f)
	require.NotEmpty(t, says, "the mistake passed")
	t.Log(says)
	return says
}

// failing runs what may fail, and returns what it says then; empty if it passes.
func failing(t testing.TB, f func(t testing.TB)) string {
	caught := &failure{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(caught) {
				panic(r)
			}
		}()
		f(caught)
	}()
	return caught.text.String()
}

// lab is a lab that ends with the test.
func lab(t *testing.T, ends tcp.State, sysctls Sysctls) *Lab {
	t.Helper()
	return labFor(t, Case{Sysctls: sysctls, Ends: tcp.Ending{State: ends}})
}

// labFor is the lab of a case, in IPv4.
func labFor(t *testing.T, c Case) *Lab {
	t.Helper()
	requireLab(t)
	requireCase(t, &report.Lab{}, IPv4, c.Needs)
	lab, err := newLab(c, IPv4, time.Minute)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lab.close()) })
	return lab
}

// with predicts under other settings than the host's.
func with(c *Conn, sysctl string, value int) prediction {
	return func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
		model := tcp.Model{HZ: c.host.lab.kernel.hz, Settings: c.host.settings, Late: late}
		model.Settings.Set(sysctl, value)
		return model.Window(tcp.Ending{State: state}, c.socket)
	}
}

func TestMistakenRetries(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		host, predicted int
		says            string
	}{
		{1, 2, "(too early, .*just as|cannot be told from) one retry fewer, tcp_orphan_retries=1"},
		{2, 1, "(too late, .*just as|cannot be told from) one retry more, tcp_orphan_retries=2"},
		{2, 3, "(too early, .*just as|cannot be told from) one retry fewer, tcp_orphan_retries=2"},
		{3, 2, "(too late, .*just as|cannot be told from) one retry more, tcp_orphan_retries=3"},
	} {
		for _, state := range []tcp.State{tcp.FinWait1, tcp.LastAck} {
			t.Run(fmt.Sprintf("%v host %d predicted %d", state, row.host, row.predicted), func(t *testing.T) {
				t.Parallel()
				lab := lab(t, state, Sysctls{"tcp_orphan_retries": row.host})
				conn := held(t, lab, state)
				believed := with(conn, "tcp_orphan_retries", row.predicted)
				requireTold(t, conn, believed(state, nil), conn.predict(state, nil))
				says := mistake(t, func(tb testing.TB) { conn.expectReaped(tb, believed) })
				assert.Regexp(t, row.says, says)
			})
		}
	}
}

// held brings a connection into a state that a freeze holds.
func held(t *testing.T, lab *Lab, state tcp.State) *Conn {
	t.Helper()
	conn, peer := lab.Connect(t)
	if state == tcp.LastAck {
		conn, peer = peer, conn
		require.NoError(t, peer.CloseWrite())
		conn.Expect(t, tcp.CloseWait)
	}
	peer.host.Freeze(t)
	require.NoError(t, conn.Close())
	conn.Expect(t, state)
	return conn
}

// tcp_fin_timeout is read when FIN_WAIT_2 begins: a value written later rules
// nothing, and a prediction that follows it is wrong.
func TestMistakenFinTimeoutChangedLater(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait2, Sysctls{"tcp_fin_timeout": 2})
	client, _ := lab.Connect(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)

	require.NoError(t, lab.Client.ns.SetSysctl("net.ipv4.tcp_fin_timeout", "4"))

	says := mistake(t, func(tb testing.TB) { client.expectReaped(tb, with(client, "tcp_fin_timeout", 4)) })
	assert.Contains(t, says, "reaped from FIN_WAIT_2 too early")
	assert.Contains(t, says, "window 4.000 to")
	assert.Contains(t, says, "the settings of the client changed during the case: tcp_fin_timeout was 2, now 4")
}

func TestMistakenTimeWaitFollowsFinTimeout(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.TimeWait, nil)
	client, server := lab.Connect(t)
	require.NoError(t, client.Close())
	server.Expect(t, tcp.CloseWait)
	require.NoError(t, server.Close())
	client.Expect(t, tcp.TimeWait)
	lab.Client.SetSysctl(t, "tcp_fin_timeout", 2) // FIN_WAIT_2 had time enough

	says := mistake(t, func(tb testing.TB) {
		client.expectReaped(tb, func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
			window := client.predict(state, late)
			believed := window.Rivals[0].Window
			believed.Ending, believed.Why = window.Ending, window.Rivals[0].Name
			return believed
		})
	})
	assert.Contains(t, says, "client still in TIME_WAIT after 2.")
	assert.Contains(t, says, "tcp_fin_timeout=2 taken for the length of TIME_WAIT")
}

func TestMistakenNoFreeze(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.FinWait1, nil).Connect(t)
	require.NoError(t, client.Close())

	says := mistake(t, func(tb testing.TB) { client.Expect(tb, tcp.FinWait1) })
	assert.Contains(t, says, "client was not held in FIN_WAIT_1")
	assert.Contains(t, says, "it is FIN_WAIT_2")
	assert.Contains(t, says, "no fault was put in force")
}

func TestMistakenHealedTooEarly(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 4})
	client, _ := lab.Connect(t)
	freeze := lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)

	freeze.Heal(t)

	says := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	// The FIN may have been sent again before the expectation began.
	assert.Regexp(t, "client was not reaped from FIN_WAIT_1: it went to FIN_WAIT_2|client is FIN_WAIT_2: the case declares", says)
	assert.Contains(t, says, "fault: server frozen (DROP in and out)")
	assert.Contains(t, says, "healed at")
}

func TestMistakenHost(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 2})
	client, _ := lab.Connect(t)
	lab.Client.Freeze(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)

	says := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	assert.Contains(t, says, "too early")
	assert.Contains(t, says, "just as a FIN dropped on its own host's way out (persist timer)")
	assert.Contains(t, says, "fault: client frozen")
}

func TestMistakenFaultWithoutHits(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	lab.Connect(t)
	freeze := lab.Server.Freeze(t)

	says := mistake(t, func(tb testing.TB) { freeze.requireHits(tb) })
	assert.Contains(t, says, "the freeze of the server dropped no packet: nothing was tested")

	probes := tcp.Window{Firings: []tcp.Span{span(7_200_000, 7_300_000)}}
	v := verdict{outcome: onSchedule, window: probes, lasted: span(7199, 7200)}
	lab.verdicts = []verdict{v}
	assert.Empty(t, failing(t, func(tb testing.TB) { freeze.requireHits(tb) }), "nothing was due to be sent")
	lab.verdicts[0].lasted = span(7_250_000, 7_250_001)
	assert.NotEmpty(t, failing(t, func(tb testing.TB) { freeze.requireHits(tb) }))
}

func TestMistakenDeclaration(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.LastAck, nil).Connect(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)

	says := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	assert.Contains(t, says, "client is FIN_WAIT_2: the case declares that it ends from LAST_ACK")
}

func TestMistakenForEver(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.Gone, Sysctls{"tcp_fin_timeout": 30}).Connect(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)

	says := mistake(t, func(tb testing.TB) { client.ExpectForEver(tb) })
	assert.Contains(t, says, "client is FIN_WAIT_2, which a timer ends: 30.000 to")
}

func TestMistakenOwner(t *testing.T) {
	t.Parallel()
	client, server := lab(t, tcp.FinWait2, nil).Connect(t)
	require.NoError(t, client.CloseWrite())
	client.Expect(t, tcp.FinWait2)

	says := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	assert.Contains(t, says, "client is FIN_WAIT_2 and has an owner")
	says = mistake(t, func(tb testing.TB) { server.ExpectEndedByPeer(tb) })
	assert.Contains(t, says, "server is CLOSE_WAIT: no timer holds this state")
}

func TestMistakenControl(t *testing.T) {
	t.Parallel()
	conn := held(t, lab(t, tcp.FinWait1, nil), tcp.FinWait1)

	says := mistake(t, func(tb testing.TB) { conn.ExpectNotHeld(tb, tcp.FinWait1) })
	assert.Contains(t, says, "client was held in FIN_WAIT_1 for at least")
}

func TestMistakenStay(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.Gone, Sysctls{"tcp_fin_timeout": 1}).Connect(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)

	says := mistake(t, func(tb testing.TB) { client.ExpectStays(tb, tcp.FinWait2, 2*time.Second) })
	assert.Contains(t, says, "client is gone, should have stayed in FIN_WAIT_2 for 2s")
}

// A socket that should be gone through its peer must not be gone through its
// timer.
func TestMistakenEndByPeer(t *testing.T) {
	t.Parallel()
	conn := held(t, lab(t, tcp.LastAck, Sysctls{"tcp_orphan_retries": 1}), tcp.LastAck)

	says := mistake(t, func(tb testing.TB) { conn.ExpectEndedByPeer(tb) })
	assert.Contains(t, says, "its own timer may have ended it")
}
