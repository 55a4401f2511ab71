package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// linkName is the name of either end of a veth pair inside its namespace.
const linkName = "eth0"

// readyTimeout bounds the wait for a link; it takes microseconds when idle.
const readyTimeout = 10 * time.Second

// End is one end of a veth pair: the namespace that it is put into and the
// addresses that it has there.
type End struct {
	Namespace *Namespace
	MAC       net.HardwareAddr
	Addrs     []netip.Prefix
}

// Join connects two namespaces by a veth pair, named eth0 on both ends. The
// pair is made inside a's namespace and never exists anywhere else.
//
// When Join returns the first packet in either direction passes at once: a
// fresh veth otherwise loses it while addresses are resolved, which costs one
// second and leaves the connection with a retransmission timeout of three. The
// MAC addresses are therefore fixed, the neighbours permanent, the IPv6
// addresses free of duplicate address detection, and the kernel is made to
// finish its deferred link work.
func Join(a, b End) error {
	a.Namespace.mu.RLock()
	defer a.Namespace.mu.RUnlock()
	b.Namespace.mu.RLock()
	defer b.Namespace.mu.RUnlock()
	if !a.Namespace.open || !b.Namespace.open {
		return fmt.Errorf("joining %v and %v: %w", a.Namespace, b.Namespace, ErrClosed)
	}
	if err := join(a, b); err != nil {
		return fmt.Errorf("joining %v and %v: %w", a.Namespace, b.Namespace, err)
	}
	return nil
}

func join(a, b End) error {
	pair := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: linkName, HardwareAddr: a.MAC},
		PeerName:         linkName,
		PeerHardwareAddr: b.MAC,
		PeerNamespace:    netlink.NsFd(b.Namespace.handle),
	}
	if err := a.Namespace.route.LinkAdd(pair); err != nil {
		return fmt.Errorf("adding the veth pair: %w", err)
	}
	// A veth has no carrier before both of its ends are up.
	for _, end := range []End{a, b} {
		if err := end.up(); err != nil {
			return err
		}
	}
	for _, w := range []*wire{{a, b}, {b, a}} {
		link, err := w.end.ready()
		if err != nil {
			return err
		}
		if err := w.end.configure(link, w.peer); err != nil {
			return err
		}
		w.end.Namespace.wire.Store(w)
	}
	return errors.Join(a.reachable(), b.reachable())
}

// up sets the end and the loopback link beside it up.
func (e End) up() error {
	const loopback = 1 // LOOPBACK_IFINDEX in include/net/flow.h, Linux 5.10 to 7.3
	for _, link := range []netlink.LinkAttrs{{Name: "lo", Index: loopback}, {Name: linkName}} {
		if err := e.Namespace.route.LinkSetUp(&netlink.GenericLink{LinkAttrs: link}); err != nil {
			return fmt.Errorf("setting %s up: %w", link.Name, err)
		}
	}
	return nil
}

// configure gives the end its addresses and makes peer known to it. What it
// has already stays.
func (e End) configure(link netlink.Link, peer End) error {
	route := e.Namespace.route
	for _, prefix := range e.Addrs {
		addr := &netlink.Addr{IPNet: ipNet(prefix)}
		if prefix.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := route.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("adding address %v: %w", prefix, err)
		}
	}
	for _, prefix := range peer.Addrs {
		neighbour := &netlink.Neigh{
			LinkIndex:    link.Attrs().Index,
			State:        netlink.NUD_PERMANENT,
			IP:           prefix.Addr().AsSlice(),
			HardwareAddr: peer.MAC,
		}
		if err := route.NeighSet(neighbour); err != nil {
			return fmt.Errorf("adding neighbour %v: %w", prefix.Addr(), err)
		}
	}
	return nil
}

// ready waits until the link passes packets. A link that has just got its
// carrier keeps the queue discipline that drops everything until the kernel's
// link watch work has run: linkwatch_do_dev (net/core/link_watch.c, Linux 6.1)
// sets the operational state and activates the queue in one go. Newer kernels
// run that work when asked for the link, so that the first answer is "up";
// older ones leave it to a work queue.
func (e End) ready() (netlink.Link, error) {
	return e.await("up", func(state netlink.LinkOperState) bool { return state == netlink.OperUp })
}

// await waits until the link has an operational state that is wanted.
func (e End) await(wanted string, reached func(netlink.LinkOperState) bool) (netlink.Link, error) {
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
		link, err := e.Namespace.route.LinkByName(linkName)
		if err != nil {
			return nil, fmt.Errorf("finding %s: %w", linkName, err)
		}
		if reached(link.Attrs().OperState) {
			return link, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("waiting for %s: it is %v, not %s, after %v", linkName, link.Attrs().OperState, wanted, readyTimeout)
		}
	}
}

// reachable waits until what is sent to the addresses of the end is for its host.
// The kernel leaves the route to an IPv6 address of its own to a work queue, also
// for one that is not checked for duplicates (addrconf_dad_start and
// addrconf_dad_work in net/ipv6/addrconf.c, Linux 6.1 to 6.18): on a busy machine
// the first segment may come before it, and is dropped.
func (e End) reachable() error {
	for _, prefix := range e.Addrs {
		for deadline := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
			routes, err := e.Namespace.route.RouteGet(prefix.Addr().AsSlice())
			if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
				break
			}
			if time.Now().After(deadline) {
				return errors.Join(fmt.Errorf("waiting for the route to %v: there is none after %v", prefix.Addr(), readyTimeout), err)
			}
		}
	}
	return nil
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	addr := prefix.Addr()
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(prefix.Bits(), addr.BitLen())}
}
