package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A test that comes too late for what it shows is inconclusive.
func TestRequireYounger(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.Gone, nil).Connect(t)
	client.RequireYounger(t, tcp.Established, time.Hour)

	told := mistake(t, func(tb testing.TB) { client.RequireYounger(tb, tcp.Established, time.Nanosecond) })
	assert.Regexp(t, "client in ESTABLISHED inconclusive: there for up to .* s, and no more than .* would show it", told)
	told = mistake(t, func(tb testing.TB) { client.RequireYounger(tb, tcp.TimeWait, time.Hour) })
	assert.Contains(t, told, "client was not seen in TIME_WAIT")
	require.Len(t, client.host.lab.verdicts, 1)
}

// What was lost is waited for until it is sent again, however far that is.
func TestResent(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, server := lab.Connect(t)
	assert.Zero(t, client.resent())
	lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)
	for _, conn := range []*Conn{client, server} {
		assert.WithinDuration(t, time.Now().Add(time.Second), conn.resent(), 10*time.Second)
	}
}

// What had an owner when an orphan would have ended is no orphan's end.
func TestLateOrphan(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 1})
	client, _ := lab.Connect(t)
	lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	client.closing.to = client.closing.to.Add(2 * time.Second)

	told := mistake(t, func(tb testing.TB) { client.ExpectReaped(tb) })
	assert.Regexp(t, `client in FIN_WAIT_1 inconclusive: it had an owner for up to 2\.\d+ s, and an orphan ends after 1\.632 s`, told)
}

// Calls that took too long for what they show are inconclusive.
func TestRequireWithin(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.Gone, nil).Connect(t)
	client.RequireWithin(t, time.Now(), time.Hour)

	told := mistake(t, func(tb testing.TB) { client.RequireWithin(tb, time.Now().Add(-time.Minute), time.Second) })
	assert.Regexp(t, `client in ESTABLISHED inconclusive: the calls took 60\.\d+ s, and no more than 1 s would show it`, told)
}

// What a processor tells of its lateness when the window is over is still waited for: here
// the window that is predicted at first ends before the socket does.
func TestLatenessToldAfterTheWindow(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.FinWait2, Sysctls{"tcp_fin_timeout": 1}).Connect(t)
	told := time.Now().Add(1050 * time.Millisecond)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)

	client.expectReaped(t, func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
		window := client.predict(state, late)
		if time.Now().Before(told) {
			window.Spans, window.Rivals = tcp.Spans{{Min: 900 * time.Millisecond, Max: 980 * time.Millisecond}}, nil
		}
		return window
	})
}
