package harness

import (
	"errors"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// When Freeze returns nothing passes any more, however much is sent: neither
// does the host's TCP get anything, nor does anything leave the host. The other
// direction of a freeze that has only one goes on, so the test would see it. It
// takes every processor, so it does not run beside other tests.
func TestNothingPassesAFreeze(t *testing.T) {
	for _, row := range []struct {
		name    string
		only    []Direction
		in, out bool // what must still pass
	}{
		{name: "both ways"},
		{name: "in", only: []Direction{In}, out: true},
		{name: "out", only: []Direction{Out}, in: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			flood := newFlood(t, lab(t, tcp.Gone, nil))
			begin := time.Now()
			flood.lab.Server.Freeze(t, row.only...)
			f := flood.after(t, begin)
			assert.Equal(t, row.in, f.in > 0, "%d segments came in after the freeze", f.in)
			assert.Equal(t, row.out, f.out > 0, "%d segments went out after the freeze", f.out)
			assert.NotZero(t, f.tried, "nothing was sent to the frozen host")
		})
	}
}

// BenchmarkFreezeFlooded is the time from the call of Freeze until nothing goes
// out of a host that is flooded and floods, silent-ns/op, and until the call returns,
// ns/op. A segment that passes later fails it.
func BenchmarkFreezeFlooded(b *testing.B) {
	requireLab(b)
	var silent time.Duration
	for b.Loop() {
		b.StopTimer()
		lab, err := newLab(Case{}, IPv4, DefaultWatch)
		require.NoError(b, err)
		flood := newFlood(b, lab)
		b.StartTimer()
		begin := time.Now()
		lab.Server.Freeze(b)
		b.StopTimer()
		f := flood.after(b, begin)
		require.Zero(b, f.in+f.out, "segments that passed after the freeze")
		silent += f.silent
		flood.end()
		require.NoError(b, lab.close())
		b.StartTimer()
	}
	b.ReportMetric(float64(silent.Nanoseconds())/float64(b.N), "silent-ns/op")
}

// A flood is a connection whose ends both send small segments as fast as they
// can, and an ear at the server's end of the wire that misses none.
type flood struct {
	lab            *Lab
	client, server *Conn
	ear            int
	done           chan struct{}
	ended          bool
}

// newFlood starts a flood, and returns when it is under way.
func newFlood(t testing.TB, lab *Lab) *flood {
	t.Helper()
	f := &flood{lab: lab, done: make(chan struct{}, 4)}
	var err error
	f.ear, err = lab.Server.packetSocket(unix.ETH_P_ALL)
	require.NoError(t, err)
	const room = 256 << 20 // bytes; more than passes in a second
	require.NoError(t, unix.SetsockoptInt(f.ear, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room))
	require.NoError(t, unix.SetsockoptInt(f.ear, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	f.client, f.server = lab.Connect(t)
	for _, conn := range []*Conn{f.client, f.server} {
		go f.send(conn)
		go f.receive(conn)
	}
	t.Cleanup(f.end)
	require.Eventually(t, func() bool {
		const underWay = 200
		return f.segmentsIn(t) > underWay
	}, patience, time.Millisecond)
	return f
}

// send writes a byte at a time; Go has switched Nagle's algorithm off.
func (f *flood) send(conn *Conn) {
	defer func() { f.done <- struct{}{} }()
	for {
		if _, err := conn.tcp.Write([]byte{0}); err != nil {
			return
		}
	}
}

func (f *flood) receive(conn *Conn) {
	defer func() { f.done <- struct{}{} }()
	for buffer := make([]byte, 64<<10); ; {
		if _, err := conn.tcp.Read(buffer); err != nil {
			return
		}
	}
}

// segmentsIn is what the server's TCP has received so far.
func (f *flood) segmentsIn(t testing.TB) uint32 {
	t.Helper()
	info, err := f.server.info()
	require.NoError(t, err)
	return info.Segs_in
}

// A flooded freeze is what happened around a freeze.
type flooded struct {
	in, out int           // segments that passed after the call had returned
	tried   int           // segments that came to the host's end then
	silent  time.Duration // from the call to the last segment that went out
}

// after is called when the server has just been frozen, and sees what passes in
// the second that follows: a retransmission, at the least, is tried.
func (f *flood) after(t testing.TB, begin time.Time) flooded {
	t.Helper()
	frozen, before := time.Now(), f.segmentsIn(t)
	var result flooded
	parser, frame, control := newSegmentParser(), make([]byte, snapLength), make([]byte, 128)
	for until := frozen.Add(time.Second); ; {
		segment, err := receive(f.ear, parser, frame, control)
		if errors.Is(err, unix.EAGAIN) {
			if time.Now().After(until) {
				break
			}
			<-time.After(time.Millisecond)
			continue
		}
		require.NoError(t, err)
		late := segment != nil && segment.At.After(frozen)
		switch {
		case segment == nil:
		case segment.outgoing:
			result.silent = max(result.silent, segment.At.Sub(begin))
			if late {
				result.out++
			}
		case late:
			result.tried++
		}
	}
	result.in = int(f.segmentsIn(t) - before)
	stats, err := unix.GetsockoptTpacketStats(f.ear, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	require.NoError(t, err)
	require.Zero(t, stats.Drops, "segments that the ear missed")
	return result
}

// end stops the flood.
func (f *flood) end() {
	if f.ended {
		return
	}
	f.ended = true
	for _, conn := range []*Conn{f.client, f.server} {
		_ = conn.abort()
	}
	for range cap(f.done) {
		<-f.done
	}
	_ = unix.Close(f.ear)
}
