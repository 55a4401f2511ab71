package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// segmentMistakes are about single segments, and about the end of a process,
// which is a close.
var segmentMistakes = []untimedMistake{
	{cases: []string{"TestProcessStopped"}, shownBy: "TestMistakenControl"},
	{
		cases: []string{"TestProcessEnds"}, mistake: "with data unread", says: "client was not held in CLOSE_WAIT",
		does: func(t *testing.T, lab *Lab) string {
			client := endWithUnreadData(t, lab, 10)
			return mistake(t, func(tb testing.TB) { client.Expect(tb, tcp.CloseWait) })
		},
	},
	{
		cases: []string{"TestProcessEndsWithUnreadData"}, mistake: "without data", says: "TCPAbortOnClose moved by 0, not 1",
		does: func(t *testing.T, lab *Lab) string {
			endWithUnreadData(t, lab, 0)
			return counted(t, lab.Server, tcp.Counters{"TCPAbortOnClose": 1})
		},
	},
	{
		cases: []string{"TestResetInTimeWait"}, mistake: "tcp_rfc1337 of 0 expected to protect", says: "client is gone, should have stayed in TIME_WAIT",
		does: func(t *testing.T, lab *Lab) string {
			wire := lab.Client.Capture(t)
			client, server := lab.Connect(t)
			closeInTurn(t, client, server)
			seen := Sent(wire.Segments(t), lab.Server.Addr())
			last := seen[len(seen)-1]
			lab.Client.Inject(t, Segment{From: last.From, To: last.To, Flags: RST, Seq: last.Seq + 1})
			return mistake(t, func(tb testing.TB) { client.ExpectStays(tb, tcp.TimeWait, time.Second) })
		},
	},
	{
		cases: []string{"TestOldDuplicateData"}, mistake: "the segment is new", says: "stray",
		does: func(t *testing.T, lab *Lab) string {
			wire := lab.Server.Capture(t)
			_, server := lab.Connect(t)
			seen := Sent(wire.Segments(t), lab.Client.Addr())
			stray := seen[len(seen)-1]
			stray.Flags, stray.Payload = PSH|ACK, []byte("stray")
			lab.Server.Inject(t, stray)
			got := make([]byte, 10)
			n, err := server.Read(got)
			require.NoError(t, err)
			return string(got[:n])
		},
	},
	{
		cases: []string{"TestOldDuplicateSyn"}, mistake: "no TIME_WAIT in its way", says: "SYN,ACK",
		does: func(t *testing.T, lab *Lab) string {
			wire := lab.Server.Capture(t)
			requestOf(t, lab, lab.Client, In)
			return Sent(wire.Segments(t), lab.Server.Addr())[0].Flags.String()
		},
	},
	{
		cases: []string{"TestFinWithData"}, mistake: "nothing is held back", says: "took 2 segments",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.Connect(t)
			wire := lab.Client.Capture(t)
			_, err := client.Write([]byte("last words"))
			require.NoError(t, err)
			client.ExpectAcknowledged(t)
			require.NoError(t, client.Close())
			server.Expect(t, tcp.CloseWait)
			return fmt.Sprintf("took %d segments", len(Sent(wire.Segments(t), lab.Client.Addr())))
		},
	},
	{
		cases: []string{"TestThreeSegmentClose"}, mistake: "server takes its time", says: "took 4 segments",
		does: func(t *testing.T, lab *Lab) string {
			client, server := lab.Connect(t)
			wire := lab.Client.Capture(t)
			closeInTurn(t, client, server)
			return fmt.Sprintf("took %d segments", len(wire.Segments(t)))
		},
	},
}

// endWithUnreadData closes the server's socket with so many bytes unread, as the
// kernel does when a process ends.
func endWithUnreadData(t *testing.T, lab *Lab, bytes int) *Conn {
	t.Helper()
	client, server := lab.Connect(t)
	if bytes > 0 {
		_, err := client.Write(make([]byte, bytes))
		require.NoError(t, err)
		server.ExpectUnread(t, bytes)
	}
	require.NoError(t, server.Close())
	return client
}
