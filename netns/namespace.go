package netns

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

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
	route *batchSocket
	// wire is what Join connected, nil before.
	wire atomic.Pointer[wire]
}

// New makes an empty namespace: only a loopback link, which is down. It needs
// CAP_SYS_ADMIN and CAP_NET_ADMIN in the current user namespace.
func New() (*Namespace, error) {
	made, err := NewEach(nil, func() error { return nil })
	if err != nil {
		return nil, err
	}
	return made[0], nil
}

// NewEach makes a namespace for each function, as [New] does, sets sysctls in all
// of them as [Namespace.SetSysctls] does, and runs the function inside as
// [Namespace.Do] does. A single thread does it all: each thread costs a twentieth
// of what two hosts on a wire do. After an error there are no namespaces.
func NewEach(sysctls map[string]string, functions ...func() error) ([]*Namespace, error) {
	if err := checkNames(sysctls); err != nil {
		return nil, err
	}
	var made []*Namespace
	err := onOwnThread(func() error {
		for _, f := range functions {
			ns := &Namespace{handle: netns.None()}
			made = append(made, ns)
			if err := ns.make(); err != nil {
				return fmt.Errorf("creating network namespace: %w", err)
			}
			if err := ns.write(sysctls); err != nil {
				return err
			}
			if err := f(); err != nil {
				return err
			}
			ns.open = true
		}
		return nil
	})
	if err != nil {
		for _, ns := range made {
			err = errors.Join(err, ns.release())
		}
		return nil, err
	}
	return made, nil
}

// make makes the namespace, in which it leaves the thread, and opens what is
// used from outside.
func (ns *Namespace) make() error {
	home, err := currentInode()
	if err != nil {
		return err
	}
	if ns.handle, err = netns.New(); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(ns.handle), &stat); err != nil {
		return fmt.Errorf("looking at what was made: %w", err)
	}
	ns.inode = stat.Ino
	if ns.inode == home {
		return errors.New("the kernel left the thread in the namespace it came from")
	}
	ns.route, err = openBatchSocket()
	return err
}

// release closes what make opened.
func (ns *Namespace) release() error {
	var errs []error
	if ns.route != nil {
		errs = append(errs, ns.route.close())
	}
	if ns.handle.IsOpen() {
		errs = append(errs, ns.handle.Close())
	}
	return errors.Join(errs...)
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
	if err := ns.release(); err != nil {
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
