package harness

import (
	"maps"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What an end leaves behind is judged besides its time: counters and errors.

// One timeout too many is refused, though the end lies in its window.
func TestMistakenOutcome(t *testing.T) {
	t.Parallel()
	client := held(t, lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 1}), tcp.FinWait1)

	says := mistake(t, func(tb testing.TB) {
		client.expectReaped(tb, func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
			window := client.predict(state, late)
			for i, end := range window.Outcomes {
				window.Outcomes[i].Counters = maps.Clone(end.Counters)
				window.Outcomes[i].Counters["TCPTimeouts"]++
			}
			return window
		})
	})
	assert.Contains(t, says, "client was reaped from FIN_WAIT_1, but TCPTimeouts moved by 3, not 4")
}

// A counter that moved, or did not, is refused by name.
func TestMistakenCounters(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait2, Sysctls{"tcp_fin_timeout": 1})
	client := closeFirst(t, lab)
	client.ExpectReaped(t)
	lab.Client.ExpectCounters(t, tcp.Counters{"TWKilled": 1})

	says := mistake(t, func(tb testing.TB) { lab.Client.ExpectCounters(tb, tcp.Counters{"TWKilled": 2}) })
	assert.Contains(t, says, "client: TWKilled moved by 1, not 2\n")
	says = mistake(t, func(tb testing.TB) { lab.Client.ExpectCounters(tb, tcp.Counters{}) })
	assert.Contains(t, says, "client: TWKilled moved by 1, not 0\n")
	says = mistake(t, func(tb testing.TB) { lab.Client.ExpectMoved(tb, tcp.Counters{"OutRsts": 1}) })
	assert.Contains(t, says, "client: OutRsts moved by 0, not 1\n")
}

// So is an error that the application is not told.
func TestMistakenErrors(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		wrong func(*tcp.Errors)
		says  string
	}{
		"blocked":    {func(e *tcp.Errors) { e.Blocked = "ECONNRESET" }, `the call that was waiting was told "ETIMEDOUT", not "ECONNRESET"`},
		"receive":    {func(e *tcp.Errors) { e.Receive = "ETIMEDOUT" }, `the next receive was told "EOF", not "ETIMEDOUT"`},
		"send":       {func(e *tcp.Errors) { e.Send = "ETIMEDOUT" }, `send 1 after that was told "EPIPE", not "ETIMEDOUT"`},
		"send again": {func(e *tcp.Errors) { e.SendAgain = "ECONNRESET" }, `send 2 after that was told "EPIPE", not "ECONNRESET"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ends := tcp.Ending{State: tcp.Established, Options: probed}
			client := keepAliveWhilePeerIsFrozen(t, labFor(t, Case{Ends: ends}))
			says := mistake(t, func(tb testing.TB) { client.expectReaped(tb, wrongly(client, row.wrong)) })
			assert.Contains(t, says, "client: "+row.says)
		})
	}
}

// A connect that times out is not refused.
func TestMistakenErrorOfConnect(t *testing.T) {
	t.Parallel()
	ends := tcp.Ending{State: tcp.SynSent, Options: oneSecond}
	client := dialFrozenServer(t, labFor(t, Case{Ends: ends}))

	says := mistake(t, func(tb testing.TB) {
		client.expectReaped(tb, wrongly(client, func(e *tcp.Errors) { e.Blocked = "ECONNREFUSED" }))
	})
	assert.Contains(t, says, `client: the call that was waiting was told "ETIMEDOUT", not "ECONNREFUSED"`)
}

// wrongly predicts other errors than the model.
func wrongly(c *Conn, wrong func(*tcp.Errors)) prediction {
	return func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
		window := c.predict(state, late)
		wrong(&window.Errors)
		return window
	}
}

// A deviation that the kernel does not show is refused: its entry is too wide.
func TestMistakenDeviation(t *testing.T) {
	t.Parallel()
	known := deviations[0]
	lab := labFor(t, Case{
		Name: known.name, Needs: needsRTOMax,
		Sysctls: Sysctls{"tcp_rto_max_ms": 1000, "tcp_retries2": 6},
		Ends:    tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindowAnswered},
	})
	require.NotNil(t, lab.deviation(), "the kernel is not in the range of the entry")
	client := fillWindowAndClose(t, lab)

	says := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	assert.Contains(t, says, "client was gone from FIN_WAIT_1 after")
	assert.Contains(t, says, "the known deviation ("+known.instead+") holds no longer on Linux")
}
