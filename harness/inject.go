package harness

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Inject has the segment arrive at the host, as if its peer had sent it. It is
// put on the wire at the peer's end, below the peer's iptables and TCP, which
// know nothing of it; captures of both hosts show it, and the host's own
// iptables apply. From must be an address of the peer, To one of the host.
//
// Lengths and checksums are computed. Payload is sent whatever Len says, with
// the timestamps option if HasTS; At is ignored. The segment must fit into the
// MTU, 1500 bytes. When Inject returns the host's TCP may not have seen it yet.
func (h *Host) Inject(t testing.TB, s Segment) {
	t.Helper()
	if err := h.inject(s); err != nil {
		t.Fatalf("injecting into the %s %v: %v", h.name, s, err)
	}
}

func (h *Host) inject(s Segment) (err error) {
	peer := h.lab.other(h)
	if !peer.owns(s.From.Addr()) || !h.owns(s.To.Addr()) {
		return fmt.Errorf("it does not go from the %s to the %s", peer.name, h.name)
	}
	if s.From.Addr().Is4() != s.To.Addr().Is4() {
		return errors.New("the families differ")
	}
	if s.Len > 0 && s.Payload == nil {
		return fmt.Errorf("it was captured with %d bytes of data, which are not known", s.Len)
	}
	frame, err := s.frame(peer.mac, h.mac)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := peer.transmit(frame); err != nil {
		return err
	}
	h.lab.story.note(event{at: begin, host: h, text: fmt.Sprintf("injected: %v seq %d, %d bytes", s.Flags, s.Seq, len(s.Payload))})
	h.lab.kick()
	return nil
}

// transmit puts a frame on the wire at the host's end.
func (h *Host) transmit(frame []byte) (err error) {
	fd, err := h.packetSocket(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if _, err := unix.Write(fd, frame); err != nil {
		return fmt.Errorf("sending a frame of %d bytes from the %s: %w", len(frame), h.name, err)
	}
	return nil
}

// owns reports whether the address is the host's, in either family.
func (h *Host) owns(addr netip.Addr) bool {
	for _, prefix := range h.addrs {
		if prefix.Addr() == addr {
			return true
		}
	}
	return false
}
