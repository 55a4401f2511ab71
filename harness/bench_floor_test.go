package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// floorUp makes what a lab needs with the fewest messages: each namespace has one
// netlink socket and is sent everything in one piece.
func floorUp() (pair, error) {
	var hosts [2]rawHost
	err := onOwnThread(func() error {
		for i := range hosts {
			if err := hosts[i].make(byte(i + 1)); err != nil {
				return err
			}
		}
		return rawJoin(hosts[0], hosts[1])
	})
	down := func() error { return errors.Join(hosts[0].close(), hosts[1].close()) }
	if err != nil {
		return pair{}, errors.Join(err, down())
	}
	talk := func() error { return connectOnce(hosts[0].do, hosts[1].do) }
	return pair{talk, down}, nil
}

// A rawHost is a namespace and a netlink socket inside it.
type rawHost struct {
	last              byte // of all of its addresses
	namespace, socket int
	fds               []int // to be closed
}

// make makes a namespace, in which it leaves the thread.
func (h *rawHost) make(last byte) (err error) {
	h.last = last
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	if h.namespace, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	h.fds = append(h.fds, h.namespace)
	if h.socket, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != nil {
		return err
	}
	h.fds = append(h.fds, h.socket)
	return nil
}

func (h *rawHost) close() error {
	var errs []error
	for _, fd := range h.fds {
		errs = append(errs, unix.Close(fd))
	}
	return errors.Join(errs...)
}

// do runs f inside.
func (h *rawHost) do(f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(h.namespace, unix.CLONE_NEWNET); err != nil {
			return err
		}
		return f()
	})
}

// onOwnThread runs f on a thread that ends with it.
func onOwnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- f()
	}()
	return <-result
}

// rawIndex is that of both ends of the wire, above those that a namespace may be
// born with.
const rawIndex = 1000

func (h *rawHost) mac() []byte { return []byte{2, 0, 0, 0, 0, h.last} }

func (h *rawHost) addrs() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, h.last}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: h.last}), 64),
	}
}

// rawJoin wires the two up. The last requests have the kernel finish its deferred
// work on the links, as Join in package netns does.
func rawJoin(a, b rawHost) error {
	var wire, plug, look netlinkBatch
	wire.add(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rawVeth(a, b))
	wire.addHost(a, b)
	plug.addHost(b, a)
	look.add(unix.RTM_GETLINK, 0, rawLink(rawIndex, 0))
	plug.bytes = append(plug.bytes, look.bytes...)
	if err := wire.send(a.socket); err != nil {
		return err
	}
	if err := plug.send(b.socket); err != nil {
		return err
	}
	return look.send(a.socket)
}

// addHost has the links up, the host's addresses set and its peer known.
func (n *netlinkBatch) addHost(h, peer rawHost) {
	const loopback = 1
	n.add(unix.RTM_NEWLINK, 0, rawLink(loopback, unix.IFF_UP))
	n.add(unix.RTM_NEWLINK, 0, rawLink(rawIndex, unix.IFF_UP))
	for _, prefix := range h.addrs() {
		n.add(unix.RTM_NEWADDR, unix.NLM_F_CREATE, rawAddr(prefix))
	}
	for _, prefix := range peer.addrs() {
		n.add(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, rawNeighbour(prefix.Addr(), peer.mac()))
	}
}

// A netlinkBatch is requests that are sent at once.
type netlinkBatch struct{ bytes []byte }

func (n *netlinkBatch) add(kind, flags uint16, body []byte) {
	n.bytes = binary.NativeEndian.AppendUint32(n.bytes, uint32(unix.NLMSG_HDRLEN+len(body)))
	n.bytes = binary.NativeEndian.AppendUint16(n.bytes, kind)
	n.bytes = binary.NativeEndian.AppendUint16(n.bytes, unix.NLM_F_REQUEST|flags)
	n.bytes = append(n.bytes, make([]byte, 8)...) // sequence number and port
	n.bytes = append(n.bytes, body...)
}

// send sends all, with a last request that is acknowledged. The kernel handles
// them one after the other, and answers those that it refuses.
func (n *netlinkBatch) send(socket int) error {
	all := netlinkBatch{bytes: n.bytes}
	all.add(unix.NLMSG_NOOP, unix.NLM_F_ACK, nil)
	if err := unix.Sendto(socket, all.bytes, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending %d bytes of requests: %w", len(all.bytes), err)
	}
	reply := make([]byte, 16<<10)
	for {
		count, _, err := unix.Recvfrom(socket, reply, 0)
		if err != nil {
			return fmt.Errorf("awaiting the acknowledgement: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(reply[:count])
		if err != nil {
			return err
		}
		for _, message := range messages {
			if message.Header.Type != unix.NLMSG_ERROR {
				continue
			}
			if errno := unix.Errno(-int32(binary.NativeEndian.Uint32(message.Data))); errno != 0 {
				return fmt.Errorf("a request of type %d was refused: %w", binary.NativeEndian.Uint16(message.Data[8:]), errno)
			}
			return nil
		}
	}
}

// rawVeth is the pair, one end of it in the other host.
func rawVeth(a, b rawHost) []byte {
	const vethInfoPeer = 1 // enum in include/uapi/linux/veth.h
	name := []byte(link + "\x00")
	peer := append(rawLink(rawIndex, 0), attribute(unix.IFLA_IFNAME, name)...)
	peer = append(peer, attribute(unix.IFLA_ADDRESS, b.mac())...)
	peer = append(peer, attribute(unix.IFLA_NET_NS_FD, binary.NativeEndian.AppendUint32(nil, uint32(b.namespace)))...)
	info := attribute(unix.IFLA_INFO_KIND, []byte("veth"))
	info = append(info, attribute(unix.IFLA_INFO_DATA, attribute(vethInfoPeer, peer))...)
	body := append(rawLink(rawIndex, 0), attribute(unix.IFLA_IFNAME, name)...)
	body = append(body, attribute(unix.IFLA_ADDRESS, a.mac())...)
	return append(body, attribute(unix.IFLA_LINKINFO, info)...)
}

// rawLink is a struct ifinfomsg that sets the flags.
func rawLink(index, flags uint32) []byte {
	body := binary.NativeEndian.AppendUint32(make([]byte, 4), index)
	body = binary.NativeEndian.AppendUint32(body, flags)
	return binary.NativeEndian.AppendUint32(body, flags)
}

// rawAddr is a struct ifaddrmsg with its address, in IPv6 without duplicate
// address detection.
func rawAddr(prefix netip.Prefix) []byte {
	body := []byte{rawFamily(prefix.Addr()), byte(prefix.Bits()), 0, unix.RT_SCOPE_UNIVERSE}
	if prefix.Addr().Is6() {
		body[2] = unix.IFA_F_NODAD
	}
	body = binary.NativeEndian.AppendUint32(body, rawIndex)
	return append(body, attribute(unix.IFA_LOCAL, prefix.Addr().AsSlice())...)
}

// rawNeighbour is a struct ndmsg for a permanent neighbour.
func rawNeighbour(addr netip.Addr, mac []byte) []byte {
	body := binary.NativeEndian.AppendUint32([]byte{rawFamily(addr), 0, 0, 0}, rawIndex)
	body = append(binary.NativeEndian.AppendUint16(body, unix.NUD_PERMANENT), 0, 0)
	body = append(body, attribute(unix.NDA_DST, addr.AsSlice())...)
	return append(body, attribute(unix.NDA_LLADDR, mac)...)
}

func rawFamily(addr netip.Addr) byte {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// attribute is a struct rtattr, padded to four bytes.
func attribute(kind uint16, value []byte) []byte {
	out := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	out = append(binary.NativeEndian.AppendUint16(out, kind), value...)
	return append(out, make([]byte, -len(out)&3)...)
}
