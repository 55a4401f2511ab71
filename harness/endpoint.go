package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// The first of the ports that a lab chooses from, for listeners and for diallers.
const (
	serverPort = 6000
	clientPort = 40000
)

// Endpoint says how a socket is made. The zero value is a plain socket bound to
// the host's address and to a port that no other connection of the lab has.
type Endpoint struct {
	// Addr is the local address; that of the host if zero.
	Addr netip.Addr
	// Port is the local port; the lab chooses if 0.
	Port uint16
	// Unbound leaves address and port to the kernel, which chooses them on
	// connect. For Dial only.
	Unbound bool
	// ReuseAddr and ReusePort are SO_REUSEADDR and SO_REUSEPORT, set before
	// bind.
	ReuseAddr, ReusePort bool
	// ReceiveBuffer is SO_RCVBUF in bytes, set before bind; the kernel doubles
	// it. 0 leaves it to tcp_rmem.
	ReceiveBuffer int
	// Options are set before connect or listen; an accepted socket inherits
	// them.
	Options tcp.Options
}

// control sets what has to be set before bind. Go has by then set SO_REUSEADDR
// on a listener and not on a dialler.
func (e Endpoint) control(_, _ string, raw syscall.RawConn) error {
	return withFD(raw, func(fd int) error {
		if err := errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, onOff(e.ReuseAddr)),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, onOff(e.ReusePort)),
		); err != nil {
			return err
		}
		if e.ReceiveBuffer > 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, e.ReceiveBuffer); err != nil {
				return err
			}
		}
		return setOptions(fd, e.Options)
	})
}

func withFD(raw syscall.RawConn, f func(fd int) error) error {
	var inner error
	err := raw.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

func onOff(on bool) int {
	if on {
		return 1
	}
	return 0
}

// setOptions sets the options that are not zero. SO_KEEPALIVE comes last: it
// starts the timer with the lengths that were set before.
func setOptions(fd int, o tcp.Options) error {
	for _, option := range []struct{ name, value int }{
		{unix.TCP_USER_TIMEOUT, int(o.UserTimeout / time.Millisecond)},
		{unix.TCP_LINGER2, int(o.Linger2 / time.Second)},
		{unix.TCP_SYNCNT, o.SynCount},
		{unix.TCP_KEEPIDLE, int(o.KeepaliveIdle / time.Second)},
		{unix.TCP_KEEPINTVL, int(o.KeepaliveInterval / time.Second)},
		{unix.TCP_KEEPCNT, o.KeepaliveCount},
	} {
		if option.value == 0 {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option.name, option.value); err != nil {
			return fmt.Errorf("setting TCP option %d to %d: %w", option.name, option.value, err)
		}
	}
	if o.Keepalive {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	}
	return nil
}

// local is the address that an endpoint is bound to; first is the first of the
// ports that the lab chooses from.
func (h *Host) local(e Endpoint, first uint16) netip.AddrPort {
	addr, port := e.Addr, e.Port
	if !addr.IsValid() {
		addr = h.Addr()
	}
	if port == 0 {
		port = h.lab.port(first)
	}
	return netip.AddrPortFrom(addr, port)
}

func addrPort(addr net.Addr) netip.AddrPort { return addr.(*net.TCPAddr).AddrPort() }
