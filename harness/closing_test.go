package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// How long close took is judged, and not held against a process that was held up.
func TestExpectCloseTook(t *testing.T) {
	t.Parallel()
	client, _ := lab(t, tcp.Gone, nil).Connect(t)
	require.NoError(t, client.Close())
	closed := client.closing.from
	client.closing.to = closed.Add(time.Second)
	client.ExpectCloseTook(t, time.Second, 2*time.Second)

	// An hour ago and in an hour nothing held up this process.
	for shift, says := range map[time.Duration]string{
		-time.Hour: "client: close took 1.000 s, not 2 s to 3 s",
		time.Hour:  "inconclusive: close took 1.000 s, not 2 s to 3 s, and the process was held up for 500 ms meanwhile",
	} {
		client.closing = between{closed.Add(shift), closed.Add(shift + time.Second)}
		if shift > 0 {
			overshoots.record(client.closing.from.Add(700*time.Millisecond), 500*time.Millisecond)
		}
		told := mistake(t, func(tb testing.TB) { client.ExpectCloseTook(tb, 2*time.Second, 3*time.Second) })
		assert.Contains(t, told, says)
	}
}

// A close that lingered is not held against a process that was stopped meanwhile, even
// for a moment that nothing else tells of. Not parallel: the signal is for all tests.
func TestExpectCloseTookOfAStop(t *testing.T) {
	lab := lab(t, tcp.Gone, nil)
	client, _ := lab.Connect(t)
	require.NoError(t, client.SetLinger(1))
	require.NoError(t, client.Close())
	client.closing = between{epoch.Add(-time.Hour), epoch.Add(-time.Hour)}
	expect := func() string {
		return mistake(t, func(tb testing.TB) { client.ExpectCloseTook(tb, time.Second, 3*time.Second) })
	}
	assert.Contains(t, expect(), "client: close took 0.000 s, not 1 s to 3 s")
	require.NoError(t, unix.Kill(unix.Getpid(), unix.SIGCONT))
	require.Eventually(t, func() bool { return len(client.continued) > 0 }, patience, time.Millisecond)
	assert.Contains(t, expect(), "inconclusive: close took 0.000 s, not 1 s to 3 s, and the process was stopped and went on")
}

// The clock of a FIN starts when it is sent, however long close lingers after that.
func TestLingeringCloseStartsClock(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, nil)
	client, _ := lab.Connect(t)
	require.NoError(t, client.SetLinger(1))
	lab.Server.Freeze(t)
	require.NoError(t, client.Close())

	sent, found := client.marked(tcp.FINSent)
	require.True(t, found)
	assert.GreaterOrEqual(t, client.closing.to.Sub(sent.to), 500*time.Millisecond, "close lingers on")
}
