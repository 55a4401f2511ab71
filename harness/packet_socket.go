package harness

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// packetSocket opens a socket that sends whole frames from the host's end of
// the wire and receives those of a protocol, none if zero. It does not block.
func (h *Host) packetSocket(protocol uint16) (fd int, err error) {
	err = h.ns.Do(func() error {
		fd, err = openPacketSocket()
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("in %v: %w", h.ns, err)
	}
	if err := bindToWire(fd, protocol); err != nil {
		return -1, errors.Join(fmt.Errorf("in %v: %w", h.ns, err), unix.Close(fd))
	}
	return fd, nil
}

// openPacketSocket opens one in the namespace that the thread is in. Made for no
// protocol it receives nothing before it is bound; otherwise it would from every link.
func openPacketSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("opening a packet socket: %w", err)
	}
	return fd, nil
}

// bindToWire has a packet socket receive the TCP of a protocol from the wire.
func bindToWire(fd int, protocol uint16) error {
	network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, protocol))
	index, err := linkIndex(fd)
	if err == nil {
		err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(tcpOnly)), Filter: &tcpOnly[0]})
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: index})
	}
	if err != nil {
		return fmt.Errorf("binding a packet socket to %s: %w", link, err)
	}
	return nil
}

// tcpOnly is a filter in the kernel that passes TCP over IPv4 and IPv6, whole,
// and nothing else: a new link is busy with neighbour discovery for seconds, and
// to wake up for each of its frames would be most of what a lab costs.
var tcpOnly = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 12}, // the EtherType
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_IP, Jf: 2},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 14 + 9}, // IPv4's protocol
	{Code: unix.BPF_JMP | unix.BPF_JA, K: 2},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_IPV6, Jf: 3},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 14 + 6}, // IPv6's next header
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_TCP, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

// linkIndex asks a socket for the index of the wire in its namespace.
func linkIndex(fd int) (int, error) {
	request, err := unix.NewIfreq(link)
	if err != nil {
		return 0, err
	}
	err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	return int(request.Uint32()), err
}
