package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	// captureTimeout bounds a wait for segments.
	captureTimeout = 10 * time.Second
	// listedSegments bounds what a failure lists.
	listedSegments = 50
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
	tap   *tap
	first int // what passed before is not of this capture
}

// Capture is the segments that the host sends and receives from when it returns
// until the lab ends. The lab keeps the first 10,000.
func (h *Host) Capture(t testing.TB) *Capture {
	t.Helper()
	c := &Capture{tap: h.tap}
	c.first = len(c.Segments(t))
	return c
}

// Segments are those that have passed so far, in their order.
func (c *Capture) Segments(t testing.TB) []Segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	defer cancel()
	segments, err := c.tap.passed(ctx)
	if err != nil {
		t.Fatalf("reading what has passed the %s's link: %v", c.tap.host.name, err)
	}
	return segments[c.first:]
}

// Await waits until want says so of the segments so far, and returns them. It
// fails the test, listing them, when that takes more than ten seconds.
func (c *Capture) Await(t testing.TB, want func([]Segment) bool) []Segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	defer cancel()
	segments, err := c.tap.await(ctx, func(segments []Segment) bool { return want(segments[c.first:]) })
	if err != nil {
		t.Fatalf("what was awaited did not pass the %s's link: %v\n%s", c.tap.host.name, err, c.list(segments[c.first:]))
	}
	return segments[c.first:]
}

// list is the last segments, a line each, for a failure.
func (c *Capture) list(segments []Segment) string {
	var b strings.Builder
	if more := len(segments) - listedSegments; more > 0 {
		fmt.Fprintf(&b, "  (%d segments before)\n", more)
		segments = segments[more:]
	}
	for _, s := range segments {
		fmt.Fprintf(&b, "%7.3f   %v\n", s.At.Sub(c.tap.host.lab.started).Seconds(), s)
	}
	dropped, err := c.tap.countDropped()
	if err != nil {
		return b.String() + err.Error()
	}
	return fmt.Sprintf("%s  %d segments listed, %d passed and were not kept", b.String(), len(segments), dropped)
}

// Dropped is the number of segments that passed since the lab was built and were
// not kept: those beyond the first 10,000, and those that came faster than they
// could be read. It fails the test when the kernel does not tell.
func (c *Capture) Dropped(t testing.TB) int {
	t.Helper()
	dropped, err := c.tap.countDropped()
	if err != nil {
		t.Fatal(err)
	}
	return dropped
}
