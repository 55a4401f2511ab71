package harness

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// netlinkMessage is one as sock_diag sends it.
func netlinkMessage(kind uint16, body []byte) []byte {
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	return append(append(message, make([]byte, unix.NLMSG_HDRLEN-6)...), body...)
}

// Whatever sock_diag were to answer, it is a sighting, a list of sockets or an
// error.
func FuzzDiag(f *testing.F) {
	const remote = 6000
	body := make([]byte, sizeofDiagReply)
	body[0], body[1], body[2], body[3] = unix.AF_INET6, byte(tcp.FinWait1), byte(tcp.TimerRetransmit), 3
	binary.BigEndian.PutUint16(body[6:], remote)
	for at := 52; at < sizeofDiagReply; at += 4 {
		binary.NativeEndian.PutUint32(body[at:], uint32(at))
	}
	socket, noSuch := netlinkMessage(unix.SOCK_DIAG_BY_FAMILY, body), binary.NativeEndian.AppendUint32(nil, uint32(0xffffffff-unix.ENOENT+1))
	for _, seed := range [][]byte{
		nil, socket, socket[:40], socket[:len(socket)-1], append(socket, socket...), netlinkMessage(unix.SOCK_DIAG_BY_FAMILY, body[:40]),
		netlinkMessage(unix.SOCK_DIAG_BY_FAMILY, body[:52]), netlinkMessage(unix.SOCK_DIAG_BY_FAMILY, body[:sizeofDiagReply-4]),
		netlinkMessage(unix.NLMSG_ERROR, noSuch), netlinkMessage(unix.NLMSG_ERROR, nil), netlinkMessage(unix.NLMSG_DONE, make([]byte, 4)),
		append(append([]byte{}, socket...), netlinkMessage(unix.NLMSG_DONE, nil)...), {0xff, 0xff, 0xff, 0xff}, make([]byte, 16),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		var seen sighting
		if err := (&diag{remote: remote}).parse(&seen, reply); err != nil {
			assert.Equal(t, sighting{}, seen)
		}
		assert.LessOrEqual(t, seen.timer, tcp.TimerPersist)
		assert.GreaterOrEqual(t, seen.expires, time.Duration(0))
		sockets, _, err := parseDump(reply)
		assert.True(t, err == nil || sockets == nil)
		for _, socket := range sockets {
			assert.Contains(t, socket, " → ")
			assert.NotContains(t, socket, "\n")
		}
	})
}

// Counters come in pairs of lines that belong together, or are an error in one
// line.
func FuzzParseAllCounters(f *testing.F) {
	for _, seed := range []string{
		"", "Tcp: RtoMin OutRsts\nTcp: 200 7\n", "Tcp: A\nTcp: -1\nTcpExt: B C\nTcpExt: 2 3\n", "Tcp: A\n", "Tcp: A\nUdp: 1\n", "Tcp: A B\nTcp: 1\n",
		"Tcp: A\nTcp: x\n", "Tcp: A\nTcp: 99999999999999999999\n", "\n\n\n\n", "Tcp:\nTcp:\n", "Tcp: A A\nTcp: 1 2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		counters, err := parseAllCounters(text)
		if err != nil {
			assert.Nil(t, counters)
			assert.Contains(t, err.Error(), "line ")
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		assert.Equal(t, 1, strings.Count(strings.TrimSpace(text), "\n")%2, "every line of names has one of values")
		assert.LessOrEqual(t, 2*len(counters), len(strings.Fields(text)))
	})
}

// Whatever passes the wire is a segment, none, or an error, and what the parser
// has read before plays no part in it.
func FuzzSegment(f *testing.F) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	used := Segment{
		From: netip.MustParseAddrPort("[2001:db8::1]:40000"), To: netip.MustParseAddrPort("[2001:db8::2]:6000"),
		Flags: 255, Seq: 1<<32 - 1, Ack: 1 << 31, Window: 1<<16 - 1, HasTS: true, TSVal: 7, TSEcr: 8, Payload: make([]byte, 20),
	}
	before, err := used.frame(mac, mac)
	require.NoError(f, err)
	four := used
	four.From, four.To, four.HasTS = netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("192.0.2.2:6000"), false
	frame, err := four.frame(mac, mac)
	require.NoError(f, err)
	const lengthOfTimestamps = 14 + 40 + 20 + 3 // where an IPv6 frame has it
	short := slices.Clone(before)
	short[lengthOfTimestamps] = 6
	for _, seed := range [][]byte{nil, before, short, frame, before[:60], frame[:40], frame[:14], append(frame[:12:12], 0x81, 0, 0, 1), make([]byte, 60)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, isTCP, err := newSegmentParser().parse(frame)
		assert.True(t, err == nil || !isTCP)
		if isTCP {
			assert.True(t, s.From.IsValid() && s.To.IsValid())
			assert.GreaterOrEqual(t, s.Len, 0)
			assert.NotContains(t, s.String(), "\n")
		} else {
			assert.Equal(t, Segment{}, s)
		}

		parser := newSegmentParser()
		_, _, errBefore := parser.parse(before)
		require.NoError(t, errBefore)
		again, isAgain, errAgain := parser.parse(frame)
		assert.Equal(t, s, again)
		assert.Equal(t, isTCP, isAgain)
		assert.Equal(t, err == nil, errAgain == nil)
	})
}

// The stolen time is one, or an error in one line.
func FuzzParseStolen(f *testing.F) {
	for _, seed := range []string{
		"cpu  14269 0 5369 60711 291 0 35 65 0 0\ncpu0 1 2\n", "", "cpu", "cpu 1 2 3 4 5 6 7 -8", "cpu 1 2 3 4 5 6 7 9223372036854775807", "cpu 1 2 3 4 5 6 7 x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stolen, err := parseStolen(text)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
		}
		assert.GreaterOrEqual(t, stolen, time.Duration(0))
	})
}
