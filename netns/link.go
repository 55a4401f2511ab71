package netns

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNotJoined is returned for a namespace that [Join] has not connected.
var ErrNotJoined = errors.New("network namespace is not joined to another")

// LinkDown sets the namespace's eth0 down. Here the kernel removes every route
// and every neighbour of the link, the permanent ones too (neigh_ifdown, Linux
// 6.18), and every IPv6 address (addrconf_ifdown); IPv4 addresses stay. What is
// sent here finds no route. The other end loses its carrier and nothing else;
// when LinkDown returns it has noticed, and what is sent there is dropped in
// front of the link, without an error. (Before, for up to a second, the veth
// tells the sender's TCP of the drop, which then tries again every 500 ms and
// counts nothing as sent.) Down already is no error.
func (ns *Namespace) LinkDown() error {
	return ns.onWire("down", func(w *wire) error {
		down := new(batch)
		down.setDown(w.end)
		if err := ns.route.do(down); err != nil {
			return err
		}
		return w.peer.whileOpen(func() error {
			return w.peer.await("down", func(state netlink.LinkOperState) bool { return state != netlink.OperUp })
		})
	})
}

// LinkUp sets the namespace's eth0 up again, with the addresses and neighbours
// that [Join] gave it. When it returns packets pass, unless the other end is
// down. Up already is no error.
func (ns *Namespace) LinkUp() error {
	return ns.onWire("up", func(w *wire) error {
		up, again := new(batch), new(batch)
		up.setUp(w.end)
		up.askLink(w.end)
		if err := ns.route.do(up); err != nil {
			return err
		}
		flags, _, err := up.link()
		if err != nil {
			return err
		}
		if hasCarrier := flags&unix.IFF_LOWER_UP != 0; hasCarrier {
			if err := w.end.ready(); err != nil {
				return err
			}
			// The other end has just got its carrier, too.
			if err := w.peer.whileOpen(w.peer.ready); err != nil {
				return err
			}
		}
		again.configure(w.end, w.peer)
		if err := ns.route.do(again); err != nil {
			return err
		}
		return w.end.reachable()
	})
}

// A wire is what Join was told, from the view of one end.
type wire struct{ end, peer End }

// whileOpen runs f, which asks for the end's link, unless its namespace is
// closed.
func (e End) whileOpen(f func() error) error {
	e.Namespace.mu.RLock()
	defer e.Namespace.mu.RUnlock()
	err := ErrClosed
	if e.Namespace.open {
		err = f()
	}
	if err != nil {
		return fmt.Errorf("at the other end, %v: %w", e.Namespace, err)
	}
	return nil
}

// onWire runs f, which sets the link up or down, in an open and joined
// namespace.
func (ns *Namespace) onWire(direction string, f func(*wire) error) error {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	err := ErrClosed
	if ns.open {
		err = ErrNotJoined
		if w := ns.wire.Load(); w != nil {
			err = f(w)
		}
	}
	if err != nil {
		return fmt.Errorf("setting %s of %v %s: %w", linkName, ns, direction, err)
	}
	return nil
}
