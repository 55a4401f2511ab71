package harness

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Segment is a TCP segment as it is on the wire (RFC 9293, section 3.1).
type Segment struct {
	// At is when the kernel passed it to the capture, to be compared with
	// time.Now.
	At time.Time
	// From and To are the addresses and ports of the two sockets.
	From, To netip.AddrPort
	// Flags are the control bits, Seq and Ack the numbers of the header; without
	// the bit ACK, Ack means nothing.
	Flags    Flags
	Seq, Ack uint32
	// Window is the field of the header, in units of 1 << the sender's window
	// scale, in bytes with SYN.
	Window uint16
	// Len is the number of bytes of data, at the most 65,535 with their
	// headers.
	Len int
	// HasTS tells whether there is a timestamps option (RFC 7323, section 3),
	// and TSVal and TSEcr what it says.
	HasTS        bool
	TSVal, TSEcr uint32
	// Payload is the data to inject. A capture keeps none.
	Payload []byte

	// raw is the beginning of the frame as it passed a tap, and rawLen the whole
	// length; outgoing tells which way it passed.
	raw      []byte
	rawLen   int
	outgoing bool
}

// Flags are the control bits of a segment (RFC 9293, section 3.1).
type Flags uint8

// The control bits, from the lowest.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Has reports whether all of the given bits are set.
func (f Flags) Has(all Flags) bool { return f&all == all }

// String lists the bits from the lowest, as "FIN,ACK".
func (f Flags) String() string {
	var names []string
	for bit, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if f.Has(1 << bit) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "no flags"
	}
	return strings.Join(names, ",")
}

// String is the segment in a line, without its moment.
func (s Segment) String() string {
	text := fmt.Sprintf("%v → %v %v seq %d", s.From, s.To, s.Flags, s.Seq)
	if s.Flags.Has(ACK) {
		text += fmt.Sprintf(" ack %d", s.Ack)
	}
	text += fmt.Sprintf(" window %d, %d bytes", s.Window, max(s.Len, len(s.Payload)))
	if s.HasTS {
		text += fmt.Sprintf(", TSval %d TSecr %d", s.TSVal, s.TSEcr)
	}
	return text
}

// Sent are the segments that have the address as their source.
func Sent(segments []Segment, from netip.Addr) []Segment {
	var out []Segment
	for _, s := range segments {
		if s.From.Addr() == from {
			out = append(out, s)
		}
	}
	return out
}
