package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
)

const (
	// linkName is the name of either end of a veth pair inside its namespace.
	linkName = "eth0"
	// linkIndex is the index of the first end, the next that of the second, above those
	// that a namespace may be born with. They are given, so that nobody needs to ask.
	// Where both ends have the same the kernel takes the link for one that no other
	// depends on, and leaves it down for up to a second after it got its carrier
	// (linkwatch_urgent_event in net/core/link_watch.c; seen on Linux 5.10).
	linkIndex = 1000
)

// readyTimeout bounds the wait for a link; it takes microseconds when idle.
const readyTimeout = 10 * time.Second

// End is one end of a veth pair: the namespace that it is put into and the
// addresses that it has there.
type End struct {
	// Namespace is where the end goes; nothing else of it is changed.
	Namespace *Namespace
	// MAC is the hardware address of the end.
	MAC net.HardwareAddr
	// Addrs are the addresses of the end, each with the length of its network.
	Addrs []netip.Prefix

	index int32 // of the link
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
	a.index, b.index = linkIndex, linkIndex+1
	pair := new(batch)
	pair.addVeth(a, b)
	pair.setUp(a)
	if err := a.Namespace.route.do(pair); err != nil {
		return fmt.Errorf("in %v: %w", a.Namespace, err)
	}
	// A veth has no carrier before both of its ends are up.
	for _, w := range []*wire{{b, a}, {a, b}} {
		if err := w.start(); err != nil {
			return fmt.Errorf("in %v: %w", w.end.Namespace, err)
		}
		w.end.Namespace.wire.Store(w)
	}
	return errors.Join(a.reachable(), b.reachable())
}

// start sets up and configures an end whose other end is up.
func (w *wire) start() error {
	all := new(batch)
	all.setUp(w.end)
	all.askLink(w.end)
	all.configure(w.end, w.peer)
	if err := w.end.Namespace.route.do(all); err != nil {
		return err
	}
	_, state, err := all.link()
	if err != nil || state == netlink.OperUp {
		return err
	}
	return w.end.ready()
}

// ready waits until the link passes packets. A link that has just got its
// carrier keeps the queue discipline that drops everything until the kernel's
// link watch work has run: linkwatch_do_dev (net/core/link_watch.c, Linux 6.1)
// sets the operational state and activates the queue in one go. Newer kernels
// run that work when asked for the link, so that the first answer is "up";
// older ones leave it to a work queue.
func (e End) ready() error {
	return e.await("up", func(state netlink.LinkOperState) bool { return state == netlink.OperUp })
}

// await waits until the link has an operational state that is wanted.
func (e End) await(wanted string, reached func(netlink.LinkOperState) bool) error {
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
		question := new(batch)
		question.askLink(e)
		if err := e.Namespace.route.do(question); err != nil {
			return err
		}
		_, state, err := question.link()
		if err != nil || reached(state) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for %s: it is %v, not %s, after %v", linkName, state, wanted, readyTimeout)
		}
	}
}

// reachable waits until what is sent to the IPv6 addresses of the end is for its
// host. The kernel leaves the route to such an address to a work queue, also for one
// that is not checked for duplicates (addrconf_dad_start and addrconf_dad_work in
// net/ipv6/addrconf.c, Linux 6.1 to 6.18): on a busy machine the first segment may
// come before it, and is dropped. That of an IPv4 address is there with the address
// (fib_inetaddr_event in net/ipv4/fib_frontend.c).
func (e End) reachable() error {
	for _, prefix := range e.Addrs {
		if prefix.Addr().Is4() {
			continue
		}
		for deadline := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
			question := new(batch)
			question.askRoute(prefix.Addr())
			err := e.Namespace.route.do(question)
			if err == nil && question.local() {
				break
			}
			if time.Now().After(deadline) {
				return errors.Join(fmt.Errorf("waiting for the route to %v: there is none after %v", prefix.Addr(), readyTimeout), err)
			}
		}
	}
	return nil
}
