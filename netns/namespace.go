package netns

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ErrClosed is returned for a namespace that was closed or never made by [New].
var ErrClosed = errors.New("network namespace is closed")

// Namespace is an unnamed network namespace made by [New]. Its methods may be
// called from several goroutines at once. The zero value is a closed namespace.
type Namespace struct {
	mu    sync.RWMutex // write-held by Close, read-held while handle is in use
	open  bool
	inode uint64
	// handle keeps the namespace alive.
	handle netns.NsHandle
	// route is a netlink socket that was opened inside.
	route *netlink.Handle
	// wire is what Join connected, nil before.
	wire atomic.Pointer[wire]
}

// New makes an empty namespace: only a loopback link, which is down. It needs
// CAP_SYS_ADMIN and CAP_NET_ADMIN in the current user namespace.
func New() (*Namespace, error) {
	ns := &Namespace{handle: netns.None()}
	err := onOwnThread(func() error {
		home, err := currentInode()
		if err != nil {
			return err
		}
		if ns.handle, err = netns.New(); err != nil {
			return err
		}
		if ns.inode, err = currentInode(); err != nil {
			return err
		}
		if ns.inode == home {
			return errors.New("the kernel left the thread in the namespace it came from")
		}
		ns.route, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		if ns.handle.IsOpen() {
			err = errors.Join(err, ns.handle.Close())
		}
		return nil, fmt.Errorf("creating network namespace: %w", err)
	}
	ns.open = true
	return ns, nil
}

// Close lets go of the namespace. The kernel removes it, with its links and
// rules, once the last socket, process and thread inside is gone; it does so
// in the background. Closing twice is an error.
func (ns *Namespace) Close() error {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if !ns.open {
		return ErrClosed
	}
	ns.open = false
	ns.route.Close()
	if err := ns.handle.Close(); err != nil {
		return fmt.Errorf("closing %v: %w", ns, err)
	}
	return nil
}

// Do runs f inside the namespace, on a thread of its own that is never handed
// back, and returns f's error. f must return: it must not call
// runtime.Goexit, which testing's FailNow does.
func (ns *Namespace) Do(f func() error) error {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if !ns.open {
		return ErrClosed
	}
	return onOwnThread(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return fmt.Errorf("entering %v: %w", ns, err)
		}
		inode, err := currentInode()
		if err != nil {
			return err
		}
		if inode != ns.inode {
			return fmt.Errorf("entering %v: the thread is in net:[%d] instead", ns, inode)
		}
		return f()
	})
}

// String names the namespace as /proc does, by its inode.
func (ns *Namespace) String() string { return fmt.Sprintf("net:[%d]", ns.inode) }

// currentInode identifies the network namespace of the calling thread.
func currentInode() (uint64, error) {
	const path = "/proc/thread-self/ns/net"
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return 0, fmt.Errorf("reading %s: %w", path, err)
	}
	return stat.Ino, nil
}
