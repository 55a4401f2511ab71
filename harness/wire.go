package harness

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/finwait/finwait/harness/report"
)

// A crossing is a segment between the hosts: as one tap saw it leave and the
// other saw it arrive.
type crossing struct {
	Segment
	from *Host
	// sent and arrived are zero where the segment did not pass.
	sent, arrived time.Time
	// left and came are the places of the segment in what the two taps saw; -1 where
	// it did not pass.
	left, came int
	// again says that the sender had sent these sequence numbers before.
	again bool
}

// wire is everything that passed between the hosts so far, in its order, and how much of it was not kept.
func (lab *Lab) wire() (all []crossing, unkept int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	defer cancel()
	seen := map[*Host][]Segment{}
	for _, host := range lab.hosts() {
		if seen[host], err = host.tap.passed(ctx); err != nil {
			return nil, 0, err
		}
		dropped, err := host.tap.countDropped()
		if err != nil {
			return nil, 0, err
		}
		unkept += dropped
	}
	ways := [2][]crossing{}
	for i, host := range lab.hosts() {
		ways[i] = crossings(host, seen[host], seen[lab.other(host)])
	}
	return merged(ways[0], ways[1]), unkept, nil
}

// merged puts what crossed in either direction in one order: that of the taps where
// they tell it, for an answer may leave in the same microsecond as what it answers,
// and otherwise that of time.
func merged(one, other []crossing) []crossing {
	var out []crossing
	for len(one) > 0 && len(other) > 0 {
		next := &one
		switch {
		case other[0].before(one[0]):
			next = &other
		case !one[0].before(other[0]) && other[0].first().Before(one[0].first()):
			next = &other
		}
		out, *next = append(out, (*next)[0]), (*next)[1:]
	}
	return slices.Concat(out, one, other)
}

// before reports whether the segment had arrived when the other, of the opposite
// direction, was sent.
func (c crossing) before(other crossing) bool {
	return c.came >= 0 && other.left >= 0 && c.came < other.left
}

// first is when the segment was first seen.
func (c crossing) first() time.Time {
	if c.sent.IsZero() {
		return c.arrived
	}
	return c.sent
}

// crossings pairs what left the host with what arrived at the other. The wire
// keeps the order; a segment that has not arrived by the time its like is sent
// again was lost.
func crossings(from *Host, near, far []Segment) (out []crossing) {
	near, left := ofDirection(near, true)
	far, came := ofDirection(far, false)
	ends := map[[2]netip.AddrPort]uint32{} // the sequence numbers that were sent so far
	for i, s := range near {
		c := crossing{Segment: s, from: from, sent: s.At, left: left[i], came: -1}
		socket := [2]netip.AddrPort{s.From, s.To}
		end, known := ends[socket]
		c.again = known && !s.Flags.Has(SYN) && int32(s.Seq-end) < 0 || known && s.Flags.Has(SYN) && s.Seq == end-1
		if next := s.end(); !known || s.Flags.Has(SYN) || int32(next-end) > 0 {
			ends[socket] = next
		}
		var next time.Time
		if again := slices.IndexFunc(near[i+1:], s.same); again >= 0 {
			next = near[i+1+again].At
		}
		if len(far) > 0 && s.same(far[0]) && (next.IsZero() || far[0].At.Before(next)) {
			c.arrived, far = far[0].At, far[1:]
			c.came, came = came[0], came[1:]
		}
		out = append(out, c)
	}
	return out
}

// ofDirection are the segments of one direction, and their places among all.
func ofDirection(all []Segment, outgoing bool) (some []Segment, places []int) {
	for place, s := range all {
		if s.outgoing == outgoing {
			some, places = append(some, s), append(places, place)
		}
	}
	return some, places
}

// end is the sequence number behind the segment.
func (s Segment) end() uint32 {
	end := s.Seq + uint32(s.Len)
	for _, flag := range []Flags{SYN, FIN} {
		if s.Flags.Has(flag) {
			end++
		}
	}
	return end
}

// occupies reports whether the segment takes up sequence numbers, so that it is
// sent again until it is acknowledged.
func (s Segment) occupies() bool { return s.end() != s.Seq }

// same reports whether the two may be one segment seen twice.
func (s Segment) same(other Segment) bool {
	return s.From == other.From && s.To == other.To && s.Flags == other.Flags && s.Seq == other.Seq && s.Ack == other.Ack &&
		s.Len == other.Len && s.TSVal == other.TSVal && s.TSEcr == other.TSEcr
}

// droppedBy is the fault that the segment met where it arrived; nil if it met
// none.
func (lab *Lab) droppedBy(c crossing) *Fault {
	for _, fault := range lab.faults {
		if !c.arrived.IsZero() && fault.host != c.from && fault.catches(c.Segment, c.arrived) {
			return fault
		}
	}
	return nil
}

// recordCrossing puts the segment on the axis of the lab.
func (lab *Lab) recordCrossing(c crossing) report.Segment {
	s := report.Segment{
		From: c.from.name, Src: c.From.String(), Dst: c.To.String(), Flags: c.Flags.String(),
		Seq: c.Seq, Ack: c.Ack, Len: c.Len, Repeats: c.again,
	}
	s.Sent, s.Arrived = lab.momentOf(c.sent), lab.momentOf(c.arrived)
	if fault := lab.droppedBy(c); fault != nil {
		s.Dropped = fault.host.name + " " + fault.what
	}
	return s
}
