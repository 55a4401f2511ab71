package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// labIn is a lab of the family that ends with the test.
func labIn(t *testing.T, family Family) *Lab {
	t.Helper()
	requireLab(t)
	requireCase(t, &report.Lab{}, family, Need{})
	lab, err := newLab(Case{}, family, time.Minute)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lab.close()) })
	return lab
}

// inFamilies runs a test in a lab of each family.
func inFamilies(t *testing.T, test func(t *testing.T, lab *Lab)) {
	for _, family := range []Family{IPv4, IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			test(t, labIn(t, family))
		})
	}
}

// Nothing passes a link that is down, and an end that has no route says so.
func TestLinkDown(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, server := lab.Connect(t)
		capture := lab.Server.Capture(t)

		lab.Client.LinkDown(t)

		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait1)
		server.ExpectStays(t, tcp.Established, 100*time.Millisecond)
		assert.Empty(t, capture.Segments(t))
		_, err := lab.Client.Dial(server.LocalAddr(), Endpoint{})
		assert.ErrorIs(t, err, unreachable(lab.Family))
		assert.Contains(t, lab.tell(), "link down")
	})
}

// What is sent to a link that is down does not get as far as a capture, and the
// sender's TCP hears of no error: it counts the FIN as sent.
func TestLinkDownOfThePeer(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, _ := lab.Connect(t)
		capture := lab.Client.Capture(t)

		lab.Server.LinkDown(t)

		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait1)
		stages, err := client.watcher.seen()
		require.NoError(t, err)
		assert.Equal(t, tcp.TimerRetransmit, stages[len(stages)-1].timer)
		assert.Empty(t, capture.Segments(t))
	})
}

// unreachable is what connect says without a route; in IPv6 the source address
// is gone, too.
func unreachable(family Family) error {
	if family == IPv6 {
		return unix.EADDRNOTAVAIL
	}
	return unix.ENETUNREACH
}

// A capture goes on when the link comes up again.
func TestLinkDownAndUpDuringCapture(t *testing.T) {
	t.Parallel()
	lab := labIn(t, IPv4)
	captures := []*Capture{lab.Client.Capture(t), lab.Server.Capture(t)}
	lab.Server.LinkDown(t)
	require.NoError(t, lab.Server.ns.LinkUp())

	lab.Connect(t)

	for _, capture := range captures {
		capture.Await(t, func(segments []Segment) bool { return len(segments) >= 3 })
	}
}
