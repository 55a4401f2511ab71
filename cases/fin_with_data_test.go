package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// The FIN rides on the last segment of data if that was not sent yet: it takes no
// segment of its own, and the states are those of any close.
func TestFinWithData(t *testing.T) {
	harness.Run(t, harness.Case{Name: "client closes with data that was held back (TCP_CORK)"}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		wire := lab.Client.Capture(t)
		require.NoError(t, client.Cork())
		begin := time.Now()
		_, err := client.Write([]byte("last words"))
		require.NoError(t, err)

		require.NoError(t, client.Close())

		client.RequireWithin(t, begin, 200*time.Millisecond) // held back no longer: tcp(7)
		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		sent := harness.Sent(wire.Segments(t), lab.Client.Addr())
		require.NotEmpty(t, sent)
		for _, segment := range sent { // a busy machine may send it twice
			require.Equal(t, len("last words"), segment.Len)
			require.True(t, segment.Flags.Has(harness.FIN), "a segment has the data and no FIN: %v", segment)
		}
		lab.Client.ExpectMoved(t, tcp.Counters{"TCPAbortOnData": 0, "OutRsts": 0})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}

// A close takes four segments, or three: the acknowledgement of the first FIN
// waits up to 40 ms for something to ride on, and an application that closes at
// the end of file gives it its own FIN. The states are the same.
func TestThreeSegmentClose(t *testing.T) {
	harness.Run(t, harness.Case{Name: "server closes as soon as the client has"}, func(t *testing.T, lab *harness.Lab) {
		wire := lab.Client.Capture(t)
		const attempts = 50 // on a busy machine the server may be slower than 40 ms
		for range attempts {
			client, server := lab.Connect(t)
			before := len(wire.Segments(t))
			closed := make(chan error, 1)
			go func() {
				_, err := server.ReadAll()
				if err == nil {
					err = server.Close()
				}
				closed <- err
			}()

			require.NoError(t, client.Close())

			require.NoError(t, <-closed)
			client.Expect(t, tcp.TimeWait)
			server.Expect(t, tcp.Gone)
			if seen := wire.Segments(t)[before:]; len(seen) == 3 {
				require.Len(t, fins(seen), 2)
				return
			}
		}
		t.Fatalf("no close in %d took three segments", attempts)
	})
}
