package harness

import (
	"errors"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// libraryUp makes what a lab needs with the library, a call for each step, as
// its documentation shows.
func libraryUp() (pair, error) {
	hosts := [2]rawHost{{last: 1}, {last: 2}}
	err := onOwnThread(func() error {
		for i := range hosts {
			handle, err := netns.New()
			if err != nil {
				return err
			}
			hosts[i].namespace, hosts[i].fds = int(handle), []int{int(handle)}
		}
		return libraryJoin(hosts[0], hosts[1])
	})
	down := func() error { return errors.Join(hosts[0].close(), hosts[1].close()) }
	if err != nil {
		return pair{}, errors.Join(err, down())
	}
	talk := func() error { return connectOnce(hosts[0].do, hosts[1].do) }
	return pair{talk, down}, nil
}

// libraryJoin wires the two up, and leaves the thread in one of them.
func libraryJoin(a, b rawHost) error {
	if err := netns.Set(netns.NsHandle(a.namespace)); err != nil {
		return err
	}
	veth := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: link, HardwareAddr: a.mac()},
		PeerName:         link,
		PeerHardwareAddr: b.mac(),
		PeerNamespace:    netlink.NsFd(b.namespace),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	for _, way := range [][2]rawHost{{a, b}, {b, a}} {
		if err := libraryConfigure(way[0], way[1]); err != nil {
			return err
		}
	}
	// The link of the first end had no carrier when it was last asked for.
	if err := netns.Set(netns.NsHandle(a.namespace)); err != nil {
		return err
	}
	_, err := netlink.LinkByName(link)
	return err
}

func libraryConfigure(h, peer rawHost) error {
	if err := netns.Set(netns.NsHandle(h.namespace)); err != nil {
		return err
	}
	for _, name := range []string{"lo", link} {
		found, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(found); err != nil {
			return err
		}
	}
	wire, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	for _, prefix := range h.addrs() {
		addr := prefix.Addr()
		ip := &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(prefix.Bits(), addr.BitLen())}}
		if addr.Is6() {
			ip.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(wire, ip); err != nil {
			return err
		}
	}
	for _, prefix := range peer.addrs() {
		neighbour := &netlink.Neigh{
			LinkIndex: wire.Attrs().Index, State: netlink.NUD_PERMANENT, IP: prefix.Addr().AsSlice(), HardwareAddr: peer.mac(),
		}
		if err := netlink.NeighAdd(neighbour); err != nil {
			return err
		}
	}
	return nil
}
