package netns

import (
	"fmt"
	"io"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// loopbackIndex is LOOPBACK_IFINDEX in include/net/flow.h, Linux 5.10 to 7.3.
const loopbackIndex = 1

// addVeth adds the pair, one end of it in the other namespace.
func (b *batch) addVeth(here, there End) {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, []byte("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peer.AddChild(linkMessage(there.index, 0))
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(linkName))
	peer.AddRtAttr(unix.IFLA_ADDRESS, there.MAC)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(there.Namespace.handle)))
	b.add("adding the veth pair", unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL,
		linkMessage(here.index, 0),
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(linkName)),
		nl.NewRtAttr(unix.IFLA_ADDRESS, here.MAC),
		info)
}

// setUp sets the end and the loopback link beside it up.
func (b *batch) setUp(end End) {
	b.add("setting lo up", unix.RTM_NEWLINK, 0, linkMessage(loopbackIndex, unix.IFF_UP))
	b.add("setting "+linkName+" up", unix.RTM_NEWLINK, 0, linkMessage(end.index, unix.IFF_UP))
}

// configure gives the end its addresses and makes peer known to it. What it
// has already stays.
func (b *batch) configure(end, peer End) {
	const flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	for _, prefix := range end.Addrs {
		message := nl.NewIfAddrmsg(family(prefix.Addr()))
		message.Index, message.Prefixlen = uint32(end.index), uint8(prefix.Bits())
		if prefix.Addr().Is6() {
			message.Flags = unix.IFA_F_NODAD
		}
		b.add(fmt.Sprintf("adding address %v", prefix), unix.RTM_NEWADDR, flags,
			message, nl.NewRtAttr(unix.IFA_LOCAL, prefix.Addr().AsSlice()))
	}
	for _, prefix := range peer.Addrs {
		message := &netlink.Ndmsg{Family: uint8(family(prefix.Addr())), Index: uint32(end.index), State: netlink.NUD_PERMANENT}
		b.add(fmt.Sprintf("adding neighbour %v", prefix.Addr()), unix.RTM_NEWNEIGH, flags,
			message, nl.NewRtAttr(unix.NDA_DST, prefix.Addr().AsSlice()), nl.NewRtAttr(unix.NDA_LLADDR, peer.MAC))
	}
}

// setDown sets the end down.
func (b *batch) setDown(end End) {
	message := linkMessage(end.index, 0)
	message.Change = unix.IFF_UP
	b.add("setting "+linkName+" down", unix.RTM_NEWLINK, 0, message)
}

// askLink asks for the link.
func (b *batch) askLink(end End) {
	b.add("finding "+linkName, unix.RTM_GETLINK, 0, linkMessage(end.index, 0))
}

// link is the answer to askLink.
func (b *batch) link() (flags uint32, state netlink.LinkOperState, err error) {
	if len(b.answer) < unix.SizeofIfInfomsg {
		return 0, 0, fmt.Errorf("finding %s: %w", linkName, io.ErrUnexpectedEOF)
	}
	message := nl.DeserializeIfInfomsg(b.answer)
	attributes, err := nl.ParseRouteAttr(b.answer[message.Len():])
	if err != nil {
		return 0, 0, fmt.Errorf("finding %s: %w", linkName, err)
	}
	for _, attribute := range attributes {
		if attribute.Attr.Type == unix.IFLA_OPERSTATE && len(attribute.Value) > 0 {
			state = netlink.LinkOperState(attribute.Value[0])
		}
	}
	return message.Flags, state, nil
}

// askRoute asks where the kernel sends what is for the address.
func (b *batch) askRoute(addr netip.Addr) {
	message := &nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family(addr)), Dst_len: uint8(addr.BitLen())}}
	b.add(fmt.Sprintf("looking for the route to %v", addr), unix.RTM_GETROUTE, 0, message, nl.NewRtAttr(unix.RTA_DST, addr.AsSlice()))
}

// local reports of the answer to askRoute whether it is to this host.
func (b *batch) local() bool {
	return len(b.answer) >= unix.SizeofRtMsg && nl.DeserializeRtMsg(b.answer).Type == unix.RTN_LOCAL
}

// linkMessage sets flags of a link.
func linkMessage(index int32, flags uint32) *nl.IfInfomsg {
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index, message.Flags, message.Change = index, flags, flags
	return message
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
