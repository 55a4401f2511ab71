package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A segment of an earlier connection arrives late, at a new connection on the same
// addresses and ports. It is not delivered: its sequence number and its
// timestamp are old (RFC 7323, section 5, PAWS).
func TestOldDuplicateData(t *testing.T) {
	harness.Run(t, harness.Case{Name: "a segment of an earlier connection arrives late"}, func(t *testing.T, lab *harness.Lab) {
		wire := lab.Server.Capture(t)
		listener, err := lab.Server.Listen(harness.Endpoint{})
		require.NoError(t, err)
		fixed := harness.Endpoint{Port: fixedPort}
		client, server := meet(t, lab, listener, fixed)
		_, err = client.Write([]byte("old"))
		require.NoError(t, err)
		server.ExpectUnread(t, len("old"))
		stray := withData(wire.Segments(t))[0]
		stray.Payload = []byte("old")
		_, err = server.Read(make([]byte, 100))
		require.NoError(t, err)
		closeInOrder(t, server, client)
		client, server = meet(t, lab, listener, fixed)

		before := len(wire.Segments(t))
		lab.Server.Inject(t, stray)

		wire.Await(t, func(seen []harness.Segment) bool { return len(harness.Sent(seen[before:], lab.Server.Addr())) > 0 })
		_, err = client.Write([]byte("new"))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		got, err := server.ReadAll()
		require.NoError(t, err)
		require.Equal(t, "new", string(got))
	})
}

// A SYN that comes while TIME_WAIT is in the way opens a new connection only if
// it is newer than what came before: by its sequence number, or by its timestamp
// if it has one. An older one is answered as any stray segment is.
func TestOldDuplicateSyn(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "a SYN comes to TIME_WAIT",
		Variants: []harness.Variant{
			{Name: "older timestamp, newer sequence number"},
			{Name: "newer timestamp, older sequence number"},
			{Name: "same timestamp, newer sequence number"},
			{Name: "same timestamp, older sequence number"},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		wire := lab.Server.Capture(t)
		client, server := lab.Connect(t)
		closeInOrder(t, server, client)
		lab.Client.Freeze(t, harness.In) // else it would reset what is not its own
		last := fins(harness.Sent(wire.Segments(t), lab.Client.Addr()))[0]
		syn := harness.Segment{From: last.From, To: last.To, Flags: harness.SYN, Seq: last.Seq, Window: 65535, HasTS: true, TSVal: last.TSVal}
		stamp, seq, accepted := newer(lab.Variant)
		syn.TSVal += stamp
		syn.Seq += seq
		before := len(wire.Segments(t))

		lab.Server.Inject(t, syn)

		answers := harness.Sent(wire.Await(t, func(seen []harness.Segment) bool {
			return len(harness.Sent(seen[before:], lab.Server.Addr())) > 0
		})[before:], lab.Server.Addr())
		require.Equal(t, accepted, answers[0].Flags.Has(harness.SYN|harness.ACK), answers[0].String())
		lab.Server.ExpectMoved(t, tcp.Counters{"TW": 1, "OutRsts": 0})
	})
}

// newer is by how much the SYN of the variant differs from the last segment,
// and whether that makes it new.
func newer(variant string) (stamp, seq uint32, accepted bool) {
	const more, less = 100_000, ^uint32(100_000 - 1)
	switch variant {
	case "older timestamp, newer sequence number":
		return less, more, false
	case "newer timestamp, older sequence number":
		return more, less, true
	case "same timestamp, newer sequence number":
		return 0, more, true
	}
	return 0, less, false
}
