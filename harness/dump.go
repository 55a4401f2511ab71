package harness

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// dumpSockets lists every TCP socket of the host, minisockets and requests among them
// (sock_diag(7)).
func (h *Host) dumpSockets() ([]string, error) {
	var sockets []string
	for _, unspecified := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		request := diagRequest(netip.AddrPortFrom(unspecified, 0), netip.AddrPortFrom(unspecified, 0))
		binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
		found, err := h.diag.dump(request)
		if err != nil {
			return nil, fmt.Errorf("listing the sockets of the %s: %w", h.name, err)
		}
		sockets = append(sockets, found...)
	}
	return sockets, nil
}

// dump asks once, and reads until all is told: that takes longer than a look does, so
// that Go's scheduler is told.
func (s *diagSocket) dump(request []byte) (sockets []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ask(unix.Write, request); err != nil {
		return nil, err
	}
	buffer := make([]byte, 64<<10)
	for {
		reply, err := s.receive(unix.Read, buffer)
		if err != nil {
			return nil, err
		}
		found, done, err := parseDump(reply)
		if sockets = append(sockets, found...); done || err != nil {
			return sockets, err
		}
	}
}

// parseDump reads one datagram of the answer, and reports whether it is the last.
func parseDump(reply []byte) (sockets []string, done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(reply)
	if err != nil {
		return nil, false, fmt.Errorf("parsing sock_diag's answer of %d bytes: %w", len(reply), err)
	}
	for _, message := range messages {
		switch err := refusal(message); {
		case message.Header.Type == unix.NLMSG_DONE:
			return sockets, true, nil
		case err != nil:
			return nil, false, err
		case len(message.Data) >= sizeofDiagReply:
			sockets = append(sockets, describeSocket(message.Data))
		}
	}
	return sockets, false, nil
}

// describeSocket writes a struct inet_diag_msg in a line.
func describeSocket(msg []byte) string {
	length := 4
	if msg[0] == unix.AF_INET6 {
		length = 16
	}
	address := func(addr, port []byte) netip.AddrPort {
		ip, _ := netip.AddrFromSlice(addr[:length])
		return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port))
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(msg[at:]) }
	text := fmt.Sprintf("%-11v %v → %v", tcp.State(msg[1]), address(msg[8:], msg[4:]), address(msg[24:], msg[6:]))
	if timer := tcp.Timer(msg[2]); timer != tcp.TimerNone {
		text += fmt.Sprintf(", %v due in %d ms, retransmissions or probes %d", timer, word(52), msg[3])
	}
	text += fmt.Sprintf(", receive queue %d, send queue %d", word(56), word(60))
	if inode := word(68); inode != 0 {
		return text + fmt.Sprintf(", inode %d, cookie %x%08x", inode, word(48), word(44))
	}
	return text + fmt.Sprintf(", no owner, cookie %x%08x", word(48), word(44))
}
