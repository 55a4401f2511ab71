package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// tapLimit bounds what a tap keeps.
	tapLimit = 10_000
	// snapLength is enough for the headers: at the most 14 + 60 + 60 bytes.
	snapLength = 256
)

// A tap records the TCP segments that pass a host's end of the wire, both ways
// (packet(7)), for as long as the lab lives, the first 10,000 of them. What goes
// out is seen after iptables' OUTPUT, what comes in before INPUT.
type tap struct {
	host *Host
	file *os.File // the socket, for the sake of its Close, which ends a read
	raw  syscall.RawConn
	quit chan struct{}
	done chan struct{}
	// leaps says that the clock does: there a watcher looks at what passed, and not
	// often anyway.
	leaps bool

	reading sync.Mutex // held from a frame's receipt until it is kept

	mu       sync.Mutex
	segments []Segment
	dropped  int
	changed  chan struct{} // closed at the next frame
	err      error
}

// newTap opens one in the namespace that the thread is in. It hears nothing before
// listen.
func newTap(h *Host) (*tap, error) {
	fd, err := openPacketSocket()
	if err != nil {
		return nil, err
	}
	tap := &tap{host: h, leaps: virtualTime(), quit: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{})}
	tap.file = os.NewFile(uintptr(fd), "packet socket")
	if tap.raw, err = tap.file.SyscallConn(); err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capturing on the %s: %w", h.name, err), tap.file.Close())
	}
	go tap.run()
	h.lab.taps = append(h.lab.taps, tap)
	return tap, nil
}

// listen starts to record; the host has its end of the wire now.
func (tap *tap) listen() error {
	err := withFD(tap.raw, func(fd int) error { return bindToWire(fd, unix.ETH_P_ALL) })
	if err != nil {
		return fmt.Errorf("capturing on the %s: %w", tap.host.name, err)
	}
	return nil
}

// run receives until the socket is closed.
func (tap *tap) run() {
	defer close(tap.done)
	parser := newSegmentParser()
	frame, control := make([]byte, snapLength), make([]byte, 128)
	for {
		var segment *Segment
		var err error
		if readErr := tap.raw.Read(func(fd uintptr) bool {
			tap.reading.Lock()
			defer tap.reading.Unlock()
			segment, err = receive(int(fd), parser, frame, control)
			if segment != nil {
				tap.add(*segment)
			}
			if segment != nil && tap.leaps {
				tap.host.passed()
			}
			tap.tell()
			return !errors.Is(err, unix.EAGAIN)
		}); readErr != nil {
			err = readErr
		}
		switch {
		case err != nil && tap.closing():
			return
		case err == nil, errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.EINTR):
			// The link went down: told once, and it may come up again.
		default:
			tap.fail(err)
			return
		}
	}
}

// receive reads one frame; nil if it is not TCP.
func receive(fd int, parser *segmentParser, frame, control []byte) (*Segment, error) {
	n, controls, kind, err := rawReceive(fd, frame, control)
	if err != nil {
		return nil, err
	}
	kept := frame[:min(n, len(frame))]
	segment, isTCP, err := parser.parse(kept)
	if err != nil || !isTCP {
		return nil, err
	}
	segment.raw, segment.rawLen = slices.Clone(kept), n
	segment.outgoing = kind == unix.PACKET_OUTGOING
	segment.At, err = timestamp(control[:controls])
	return &segment, err
}

// timestamp is the moment in a SO_TIMESTAMPNS control message. The kernel tells
// it by the wall clock; both clocks are read now, so that a step of the wall
// clock matters only if it falls between the two. Where time is virtual nobody sets the
// wall clock, and that they were read once will do.
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
		now := epoch
		if !virtualTime() {
			now = time.Now()
		}
		return now.Add(time.Unix(stamp.Unix()).Sub(now)), nil
	}
	return time.Time{}, fmt.Errorf("a frame without a timestamp: %w", unix.EBADMSG)
}

// add keeps a segment. The order is the kernel's: a moment may be off by what passes
// between the reading of two clocks, and none lies before the one of the segment
// before.
func (tap *tap) add(segment Segment) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	n := len(tap.segments)
	if n == tapLimit {
		tap.dropped++
		return
	}
	if n > 0 && segment.At.Before(tap.segments[n-1].At) {
		segment.At = tap.segments[n-1].At
	}
	tap.segments = append(tap.segments, segment)
}

// fail keeps why there are no more segments.
func (tap *tap) fail(err error) {
	tap.mu.Lock()
	tap.err = fmt.Errorf("capturing on the %s: %w", tap.host.name, err)
	tap.mu.Unlock()
	tap.tell()
}

// tell wakes who waits for a frame.
func (tap *tap) tell() {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	close(tap.changed)
	tap.changed = make(chan struct{})
}

// caughtUp reports whether everything that the kernel has captured was read.
func (tap *tap) caughtUp() bool {
	tap.reading.Lock()
	defer tap.reading.Unlock()
	queued := 0
	err := withFD(tap.raw, func(fd int) (err error) {
		queued, err = unix.IoctlGetInt(fd, unix.SIOCINQ)
		return err
	})
	return err == nil && queued == 0
}

// await waits until want says so of the segments so far, and returns them.
func (tap *tap) await(ctx context.Context, want func([]Segment) bool) ([]Segment, error) {
	for {
		tap.mu.Lock()
		err, changed := tap.err, tap.changed
		tap.mu.Unlock()
		segments := tap.kept()
		if want(segments) {
			return tap.kept(), nil
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

// passed is everything that has passed so far.
func (tap *tap) passed(ctx context.Context) ([]Segment, error) {
	return tap.await(ctx, func([]Segment) bool { return tap.caughtUp() })
}

func (tap *tap) kept() []Segment {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return slices.Clone(tap.segments)
}

// countDropped is the number of segments that passed and were not kept: those
// beyond the limit, and those that the kernel dropped.
func (tap *tap) countDropped() (int, error) {
	var stats *unix.TpacketStats
	err := withFD(tap.raw, func(fd int) (err error) {
		stats, err = unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting what the capture on the %s dropped: %w", tap.host.name, err)
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	tap.dropped += int(stats.Drops) // since it was last asked
	return tap.dropped, nil
}

// closing reports whether the tap was told to end.
func (tap *tap) closing() bool {
	select {
	case <-tap.quit:
		return true
	default:
		return false
	}
}

// close ends the recording.
func (tap *tap) close() error {
	close(tap.quit)
	err := tap.file.Close()
	<-tap.done
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return errors.Join(err, tap.err)
}
