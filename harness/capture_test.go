package harness

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Both ends see the handshake, data and the FIN in order, with their times.
func TestCapture(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		captures := []*Capture{lab.Client.Capture(t), lab.Server.Capture(t)}
		begin := time.Now()
		client, server := lab.Connect(t)
		exchange(t, client, server)
		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait2)
		end := time.Now()

		for _, capture := range captures {
			// The last is the acknowledgement of data and FIN.
			segments := capture.Await(t, func(segments []Segment) bool {
				return len(segments) > 0 && segments[len(segments)-1].Ack == segments[0].Seq+1+5+1
			})
			first := segments[0]
			assert.Equal(t, SYN, first.Flags)
			assert.Equal(t, client.tcp.LocalAddr().String(), first.From.String())
			assert.Equal(t, server.tcp.LocalAddr().String(), first.To.String())
			assert.Equal(t, SYN|ACK, segments[1].Flags)
			assert.Equal(t, first.To, segments[1].From)
			assert.Equal(t, first.Seq+1, segments[1].Ack)
			ours := Sent(segments, first.From.Addr())
			assert.Equal(t, Segment{Flags: ACK, Seq: first.Seq + 1}, outline(ours[1]))
			assert.Equal(t, Segment{Flags: PSH | ACK, Seq: first.Seq + 1, Len: 5}, outline(ours[2]))
			assert.Equal(t, Segment{Flags: FIN | ACK, Seq: first.Seq + 1 + 5}, outline(ours[len(ours)-1]))
			for i, s := range segments {
				assert.True(t, s.HasTS)
				if i > 0 {
					assert.NotZero(t, s.TSEcr)
				}
				// Two clocks are read one after the other.
				assert.WithinRange(t, s.At, begin.Add(-time.Millisecond), end.Add(time.Millisecond))
			}
			assert.Zero(t, capture.Dropped(t))
		}
	})
}

// exchange sends five bytes from one end to the other.
func exchange(t *testing.T, from, to *Conn) {
	t.Helper()
	_, err := from.tcp.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, to.tcp.SetReadDeadline(time.Now().Add(dialTimeout)))
	_, err = io.ReadFull(to.tcp, make([]byte, 5))
	require.NoError(t, err)
}

// outline is what does not vary of a segment.
func outline(s Segment) Segment { return Segment{Flags: s.Flags, Seq: s.Seq, Len: s.Len} }

func lengths(segments []Segment) []int {
	var out []int
	for _, s := range segments {
		out = append(out, s.Len)
	}
	return out
}

// A capture sees what a freeze drops on the way in, and not on the way out.
func TestCaptureOfAFreeze(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, _ := lab.Connect(t)
	captures := []*Capture{lab.Client.Capture(t), lab.Server.Capture(t)}
	lab.Server.Freeze(t, In)
	require.NoError(t, client.CloseWrite())
	for _, capture := range captures {
		capture.Await(t, func(segments []Segment) bool { return len(segments) > 0 && segments[0].Flags.Has(FIN) })
	}

	other, _ := labIn(t, IPv4).Connect(t)
	capture := other.host.Capture(t)
	freeze := other.host.Freeze(t, Out)
	require.NoError(t, other.CloseWrite())
	require.Eventually(t, func() bool {
		hits, err := freeze.count()
		return err == nil && hits > 0
	}, dialTimeout, time.Millisecond)
	assert.Empty(t, capture.Segments(t))
}

// A write larger than the MSS shows as it was given to the link.
func TestCaptureOfLargeWrites(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, server := lab.Connect(t)
		capture := lab.Server.Capture(t)
		const size = 100_000
		written := make(chan error, 1)
		go func() {
			_, err := client.tcp.Write(make([]byte, size))
			written <- err
		}()
		require.NoError(t, server.tcp.SetReadDeadline(time.Now().Add(dialTimeout)))
		_, err := io.CopyN(io.Discard, server.tcp, size)
		require.NoError(t, errors.Join(err, <-written))

		// Some data may pass twice: a tail loss probe on a busy machine.
		segments := capture.Await(t, func(segments []Segment) bool {
			passed := uint32(0)
			for _, s := range Sent(segments, lab.Client.addrs[lab.Family].Addr()) {
				passed = max(passed, s.Seq+uint32(s.Len)-segments[0].Seq)
			}
			return passed == size
		})
		const mss = 1460
		assert.Greater(t, slices.Max(lengths(segments)), mss)
	})
}

func TestCaptureFails(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	capture := lab.Client.Capture(t)
	lab.Connect(t)
	segments := capture.Await(t, func(segments []Segment) bool { return len(segments) == 3 })

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := capture.tap.await(ctx, func([]Segment) bool { return false })

	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Regexp(t, `^ +\d\.\d{3}   192\.0\.2\.1:40000 → 192\.0\.2\.2:6000 SYN seq \d+ window \d+, 0 bytes, TSval .*\n`, capture.list(segments))
	assert.Contains(t, capture.list(segments), "3 segments listed, 0 passed and were not kept")
	assert.Contains(t, capture.list(make([]Segment, listedSegments+2)), "(2 segments before)")
}

// What is kept is bounded, and the rest is counted.
func TestCaptureLimit(t *testing.T) {
	t.Parallel()
	capture := lab(t, tcp.Gone, nil).Client.Capture(t)
	for range tapLimit + 3 {
		capture.tap.add(Segment{})
	}
	assert.Len(t, capture.Segments(t), tapLimit)
	assert.Equal(t, 3, capture.Dropped(t))
}

// A broken frame ends a capture with an error that is not lost.
func TestCaptureOfABrokenFrame(t *testing.T) {
	t.Parallel()
	requireLab(t)
	lab, err := newLab(Case{}, IPv4, time.Minute)
	require.NoError(t, err)
	capture := lab.Client.Capture(t)
	const shortHeader = 0x41
	header := []byte{shortHeader, 9: unix.IPPROTO_TCP, 45: 0}
	frame := bytes.Join([][]byte{lab.Client.mac, lab.Server.mac, {8, 0}, header}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), captureTimeout)
	defer cancel()

	require.NoError(t, lab.Server.transmit(frame))

	_, err = capture.tap.await(ctx, func([]Segment) bool { return false })
	require.ErrorContains(t, err, "capturing on the client: parsing a frame of 60 bytes")
	require.ErrorContains(t, lab.close(), "capturing on the client: parsing a frame")
	_, err = capture.tap.file.Stat()
	assert.ErrorIs(t, err, os.ErrClosed)
}
