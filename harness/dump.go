package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/finwait/finwait/netns"
	"golang.org/x/sys/unix"
)

// dumpSockets lists every TCP socket of the namespace, minisockets and requests
// among them (sock_diag(7)).
func dumpSockets(ns *netns.Namespace) ([]string, error) {
	var sockets []string
	for _, unspecified := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		d, err := openDiag(ns, netip.AddrPortFrom(unspecified, 0), netip.AddrPortFrom(unspecified, 0))
		if err != nil {
			return nil, err
		}
		binary.NativeEndian.PutUint16(d.request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
		found, err := d.dump()
		if err := errors.Join(err, d.close()); err != nil {
			return nil, fmt.Errorf("listing the sockets of %v: %w", ns, err)
		}
		sockets = append(sockets, found...)
	}
	return sockets, nil
}

// dump asks once, and reads until all is told.
func (d *diag) dump() (sockets []string, err error) {
	if err := d.ask(); err != nil {
		return nil, err
	}
	buffer := make([]byte, 64<<10)
	for {
		reply, err := d.receive(buffer)
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
