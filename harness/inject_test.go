package harness

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// watchedConnection is a connection and a capture on the client of what follows
// the handshake; next is a bare segment that the server could send next.
func watchedConnection(t *testing.T, lab *Lab) (client *Conn, capture *Capture, next Segment) {
	t.Helper()
	handshake := lab.Client.Capture(t)
	client, _ = lab.Connect(t)
	segments := handshake.Await(t, func(segments []Segment) bool { return len(segments) > 0 && segments[len(segments)-1].Flags == ACK })
	capture = lab.Client.Capture(t)
	// On a busy machine the SYN may have been sent twice.
	i := slices.IndexFunc(segments, func(s Segment) bool { return s.Flags == SYN|ACK })
	require.GreaterOrEqual(t, i, 0)
	next = segments[i]
	next.Flags, next.Seq, next.Window = 0, next.Seq+1, 502
	return client, capture, next
}

// A RST with exactly the next sequence number resets (RFC 5961, section 3.2).
func TestInjectedResetEndsTheConnection(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, _, segment := watchedConnection(t, lab)
		segment.Flags = RST

		lab.Client.Inject(t, segment)

		_, err := read(t, client)
		require.ErrorIs(t, err, unix.ECONNRESET)
		client.Expect(t, tcp.Gone)
		assert.Zero(t, checksumErrors(t, lab.Client))
		assert.Contains(t, lab.tell(), "injected: RST seq ")
	})
}

// A RST elsewhere in the window is answered by a challenge ACK (RFC 5961,
// section 3.2), and the connection lives.
func TestInjectedResetOffTheSequenceIsChallenged(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, capture, segment := watchedConnection(t, lab)
		expected := segment.Seq
		segment.Flags, segment.Seq, segment.HasTS = RST, expected+3, false

		lab.Client.Inject(t, segment)

		segments := capture.Await(t, func(segments []Segment) bool { return len(segments) >= 2 })
		assert.Equal(t, RST, segments[0].Flags)
		challenge := segments[1]
		assert.Equal(t, ACK, challenge.Flags)
		assert.Equal(t, segment.To, challenge.From)
		assert.Equal(t, expected, challenge.Ack)
		client.Expect(t, tcp.Established)
		exchange(t, client, client.peer())
		assert.Zero(t, checksumErrors(t, lab.Client))
	})
}

// Data in sequence is the application's, with and without timestamps.
func TestInjectedDataIsDelivered(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, capture, segment := watchedConnection(t, lab)
		segment.Flags = PSH | ACK
		// An odd length is the harder checksum.
		for _, payload := range []string{"hello", "there, all", strings.Repeat("x", 1400)} {
			segment.Payload = []byte(payload)
			lab.Client.Inject(t, segment)

			got, err := read(t, client)
			require.NoError(t, err)
			assert.Equal(t, payload, got)
			segment.Seq += uint32(len(payload))
			capture.Await(t, func(segments []Segment) bool {
				return slices.ContainsFunc(segments, func(s Segment) bool { return s.From == segment.To && s.Ack == segment.Seq })
			})
			segment.HasTS = false
		}
		assert.Zero(t, checksumErrors(t, lab.Client))
	})
}

// The kernel does verify what comes through a packet socket: one wrong bit is
// counted, and the segment has no effect.
func TestInjectedChecksumIsVerified(t *testing.T) {
	t.Parallel()
	inFamilies(t, func(t *testing.T, lab *Lab) {
		client, _, segment := watchedConnection(t, lab)
		segment.Flags = RST
		frame, err := segment.frame(lab.Server.mac, lab.Client.mac)
		require.NoError(t, err)
		frame[len(frame)-1] ^= 1

		require.NoError(t, lab.Server.transmit(frame))

		require.Eventually(t, func() bool { return checksumErrors(t, lab.Client) == 1 }, dialTimeout, time.Millisecond)
		client.Expect(t, tcp.Established)
	})
}

// Iptables of the receiver apply to what is injected, the sender's do not.
func TestInjectPassesTheSendersFreeze(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, _, segment := watchedConnection(t, lab)
	lab.Server.Freeze(t)
	segment.Flags = RST

	lab.Client.Inject(t, segment)

	_, err := read(t, client)
	assert.ErrorIs(t, err, unix.ECONNRESET)
}

func TestInjectRefuses(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	from, to := netip.MustParseAddrPort("192.0.2.2:1"), netip.MustParseAddrPort("192.0.2.1:2")
	for name, row := range map[string]struct {
		segment Segment
		says    string
	}{
		"the other way":   {Segment{From: to, To: from}, "it does not go from the server to the client"},
		"a mixed family":  {Segment{From: from, To: netip.MustParseAddrPort("[2001:db8::1]:2")}, "the families differ"},
		"data not known":  {Segment{From: from, To: to, Len: 5}, "captured with 5 bytes of data"},
		"beyond the MTU":  {Segment{From: from, To: to, Payload: make([]byte, 1461)}, "sending a frame of 1515 bytes from the server: message too long"},
		"without address": {Segment{}, "it does not go from"},
	} {
		t.Run(name, func(t *testing.T) {
			says := mistake(t, func(tb testing.TB) { lab.Client.Inject(tb, row.segment) })
			assert.Contains(t, says, "injecting into the client")
			assert.Contains(t, says, row.says)
		})
	}
}

// read reads once, with a deadline.
func read(t *testing.T, c *Conn) (string, error) {
	t.Helper()
	require.NoError(t, c.tcp.SetReadDeadline(time.Now().Add(dialTimeout)))
	buffer := make([]byte, 2000)
	n, err := c.tcp.Read(buffer)
	require.NotErrorIs(t, err, io.EOF)
	return string(buffer[:n]), err
}

// checksumErrors counts the TCP segments with a wrong checksum that the host
// has received, in either family.
func checksumErrors(t *testing.T, h *Host) (count int) {
	t.Helper()
	var text []byte
	require.NoError(t, h.ns.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	}))
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Tcp: ") {
			rows = append(rows, strings.Fields(line))
		}
	}
	require.Len(t, rows, 2)
	_, err := fmt.Sscan(rows[1][slices.Index(rows[0], "InCsumErrors")], &count)
	require.NoError(t, err)
	return count
}
