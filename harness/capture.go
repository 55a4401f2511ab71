package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// captureLimit bounds what a capture keeps.
	captureLimit = 10_000
	// captureTimeout bounds a wait for segments.
	captureTimeout = 10 * time.Second
	// listedSegments bounds what a failure lists.
	listedSegments = 50
	// snapLength is enough for the headers: at the most 14 + 60 + 60 bytes.
	snapLength = 256
)

// Capture is the TCP segments that pass a host's end of the wire, both ways
// (packet(7)). What goes out is seen after iptables' OUTPUT, what comes in
// before INPUT: the segments that a freeze of this host drops show coming in
// and do not show going out. What is sent while the peer's link is down does not
// show either.
//
// A veth pair neither cuts large writes into segments of the MSS nor puts them
// together: what shows as one segment may carry up to 64 kB, which a real card
// would have sent as many.
type Capture struct {
	host *Host
	file *os.File // the socket, for the sake of its Close, which ends a read
	raw  syscall.RawConn
	quit chan struct{}
	done chan struct{}

	reading sync.Mutex // held from a frame's receipt until it is kept

	mu       sync.Mutex
	segments []Segment
	dropped  int
	changed  chan struct{} // closed at the next frame
	err      error
}

// Capture records the TCP segments that the host sends and receives from when
// it returns until the lab ends, the first 10,000.
func (h *Host) Capture(t testing.TB) *Capture {
	t.Helper()
	c, err := h.capture()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *Host) capture() (*Capture, error) {
	fd, err := h.packetSocket(unix.ETH_P_ALL)
	if err != nil {
		return nil, fmt.Errorf("capturing on the %s: %w", h.name, err)
	}
	c := &Capture{host: h, quit: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{})}
	c.file = os.NewFile(uintptr(fd), "packet socket")
	if c.raw, err = c.file.SyscallConn(); err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capturing on the %s: %w", h.name, err), c.file.Close())
	}
	h.lab.onClose(c.close)
	go c.run()
	return c, nil
}

// packetSocket opens a socket that sends whole frames from the host's end of
// the wire and receives those of a protocol, none if zero. It does not block.
func (h *Host) packetSocket(protocol uint16) (fd int, err error) {
	err = h.ns.Do(func() error {
		wire, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		// Bound only afterwards, a socket would first receive from every link.
		network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, protocol))
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: wire.Index}); err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		return nil
	})
	if err != nil {
		return -1, fmt.Errorf("opening a packet socket in %v: %w", h.ns, err)
	}
	return fd, nil
}

// run receives until the socket is closed.
func (c *Capture) run() {
	defer close(c.done)
	parser := newSegmentParser()
	frame, control := make([]byte, snapLength), make([]byte, 128)
	for {
		var segment *Segment
		var err error
		if readErr := c.raw.Read(func(fd uintptr) bool {
			c.reading.Lock()
			defer c.reading.Unlock()
			segment, err = receive(int(fd), parser, frame, control)
			if segment != nil {
				c.add(*segment)
			}
			c.tell()
			return !errors.Is(err, unix.EAGAIN)
		}); readErr != nil {
			err = readErr
		}
		switch {
		case err != nil && c.closing():
			return
		case err == nil, errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.EINTR):
			// The link went down: told once, and it may come up again.
		default:
			c.fail(err)
			return
		}
	}
}

// receive reads one frame; nil if it is not TCP.
func receive(fd int, parser *segmentParser, frame, control []byte) (*Segment, error) {
	n, controls, _, _, err := unix.Recvmsg(fd, frame, control, 0)
	if err != nil {
		return nil, err
	}
	segment, isTCP, err := parser.parse(frame[:n])
	if err != nil || !isTCP {
		return nil, err
	}
	segment.At, err = timestamp(control[:controls])
	return &segment, err
}

// timestamp is the moment in a SO_TIMESTAMPNS control message. The kernel tells
// it by the wall clock; both clocks are read now, so that a step of the wall
// clock matters only if it falls between the two.
func timestamp(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, fmt.Errorf("parsing a timestamp: %w", err)
	}
	for _, message := range messages {
		if message.Header.Level != unix.SOL_SOCKET || message.Header.Type != unix.SCM_TIMESTAMPNS {
			continue
		}
		var stamp unix.Timespec
		if _, err := binary.Decode(message.Data, binary.NativeEndian, &stamp); err != nil {
			return time.Time{}, fmt.Errorf("parsing a timestamp: %w", err)
		}
		now := time.Now()
		return now.Add(time.Unix(stamp.Unix()).Sub(now)), nil
	}
	return time.Time{}, fmt.Errorf("a frame without a timestamp: %w", unix.EBADMSG)
}

// add keeps a segment.
func (c *Capture) add(segment Segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.segments) == captureLimit {
		c.dropped++
		return
	}
	c.segments = append(c.segments, segment)
}

// fail keeps why there are no more segments.
func (c *Capture) fail(err error) {
	c.mu.Lock()
	c.err = fmt.Errorf("capturing on the %s: %w", c.host.name, err)
	c.mu.Unlock()
	c.tell()
}

// tell wakes who waits for a frame.
func (c *Capture) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Segments are those that have passed so far, in their order.
func (c *Capture) Segments(t testing.TB) []Segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	defer cancel()
	segments, err := c.await(ctx, func([]Segment) bool { return c.caughtUp() })
	if err != nil {
		t.Fatalf("reading what has passed the %s's link: %v", c.host.name, err)
	}
	return segments
}

// caughtUp reports whether everything that the kernel has captured was read.
func (c *Capture) caughtUp() bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	queued := 0
	err := withFD(c.raw, func(fd int) (err error) {
		queued, err = unix.IoctlGetInt(fd, unix.SIOCINQ)
		return err
	})
	return err == nil && queued == 0
}

// Await waits until want says so of the segments so far, and returns them. It
// fails the test, listing them, when that takes more than ten seconds.
func (c *Capture) Await(t testing.TB, want func([]Segment) bool) []Segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	defer cancel()
	segments, err := c.await(ctx, want)
	if err != nil {
		t.Fatalf("what was awaited did not pass the %s's link: %v\n%s", c.host.name, err, c.list(segments))
	}
	return segments
}

func (c *Capture) await(ctx context.Context, want func([]Segment) bool) ([]Segment, error) {
	for {
		c.mu.Lock()
		err, changed := c.err, c.changed
		c.mu.Unlock()
		segments := c.kept()
		if want(segments) {
			return c.kept(), nil
		}
		if err != nil {
			return segments, err
		}
		select {
		case <-ctx.Done():
			return segments, ctx.Err()
		case <-changed:
		}
	}
}

func (c *Capture) kept() []Segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.segments)
}

// list is the last segments, a line each, for a failure.
func (c *Capture) list(segments []Segment) string {
	var b strings.Builder
	if more := len(segments) - listedSegments; more > 0 {
		fmt.Fprintf(&b, "  (%d segments before)\n", more)
		segments = segments[more:]
	}
	for _, s := range segments {
		fmt.Fprintf(&b, "%7.3f   %v\n", s.At.Sub(c.host.lab.started).Seconds(), s)
	}
	dropped, err := c.countDropped()
	if err != nil {
		return b.String() + err.Error()
	}
	return fmt.Sprintf("%s  %d segments listed, %d passed and were not kept", b.String(), len(segments), dropped)
}

// Dropped is the number of segments that passed and were not kept: those beyond
// the first 10,000, and those that came faster than they could be read. It
// fails the test when the kernel does not tell.
func (c *Capture) Dropped(t testing.TB) int {
	t.Helper()
	dropped, err := c.countDropped()
	if err != nil {
		t.Fatal(err)
	}
	return dropped
}

// countDropped adds what the kernel dropped since it was last asked.
func (c *Capture) countDropped() (int, error) {
	var stats *unix.TpacketStats
	var statsErr error
	err := c.raw.Control(func(fd uintptr) {
		stats, statsErr = unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	})
	if err := errors.Join(err, statsErr); err != nil {
		return 0, fmt.Errorf("counting what the capture on the %s dropped: %w", c.host.name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped += int(stats.Drops)
	return c.dropped, nil
}

// closing reports whether the capture was told to end.
func (c *Capture) closing() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

// close ends the capture.
func (c *Capture) close() error {
	close(c.quit)
	err := c.file.Close()
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(err, c.err)
}
