package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
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

// Listener is a socket in LISTEN.
type Listener struct {
	host *Host
	e    Endpoint
	tcp  *net.TCPListener
}

// Listen opens a plain TCP listener on the host, without MPTCP. The error is
// that of the system call, such as EADDRINUSE.
func (h *Host) Listen(e Endpoint) (*Listener, error) {
	config := net.ListenConfig{KeepAlive: -1, Control: e.control}
	config.SetMultipathTCP(false)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var listener net.Listener
	err := h.ns.Do(func() (err error) {
		listener, err = config.Listen(ctx, "tcp", h.local(e, serverPort).String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening on the %s: %w", h.name, err)
	}
	l := &Listener{host: h, e: e, tcp: listener.(*net.TCPListener)}
	h.lab.onClose(l.close)
	return l, nil
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

// Addr is the host's address in the family of the lab.
func (h *Host) Addr() netip.Addr { return h.addrs[h.lab.Family].Addr() }

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() netip.AddrPort { return l.tcp.Addr().(*net.TCPAddr).AddrPort() }

// Accept returns the next connection, which is watched from then on. It waits
// for ten seconds at the most.
func (l *Listener) Accept() (*Conn, error) {
	err := l.tcp.SetDeadline(time.Now().Add(dialTimeout))
	if err != nil {
		return nil, fmt.Errorf("accepting on the %s: %w", l.host.name, err)
	}
	accepted, err := l.tcp.AcceptTCP()
	if err != nil {
		return nil, fmt.Errorf("accepting on the %s: %w", l.host.name, err)
	}
	conn := l.host.newConn(addrPort(accepted.LocalAddr()), addrPort(accepted.RemoteAddr()))
	conn.tcp, conn.options = accepted, l.e.Options
	return conn, conn.watch(true)
}

func addrPort(addr net.Addr) netip.AddrPort { return addr.(*net.TCPAddr).AddrPort() }

// State asks the kernel for the listener's state.
func (l *Listener) State() (tcp.State, error) {
	diag, err := openDiag(l.host.ns, l.Addr(), netip.AddrPortFrom(l.host.lab.other(l.host).Addr(), 0))
	if err != nil {
		return tcp.Gone, err
	}
	seen, err := diag.look()
	return seen.state, errors.Join(err, diag.close())
}

// Close closes the listener. Connections that were accepted live on.
func (l *Listener) Close() error {
	defer programs.close()()
	if err := l.tcp.Close(); err != nil {
		return fmt.Errorf("closing the listener on the %s: %w", l.host.name, err)
	}
	return nil
}

// close is for the end of the lab, when it may be closed already.
func (l *Listener) close() error {
	if err := l.tcp.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Dial connects from the host and returns when the connection is ESTABLISHED,
// or the error of the system call, such as ETIMEDOUT or EADDRINUSE.
func (h *Host) Dial(to netip.AddrPort, e Endpoint) (*Conn, error) {
	if e.Unbound {
		return h.dialUnbound(to, e)
	}
	conn, err := h.startDial(to, e)
	if err != nil {
		return nil, err
	}
	if err := conn.Connected(); err != nil {
		h.lab.forget(conn)
		return nil, err
	}
	return conn, errors.Join(conn.awaitBirth(), h.lab.countFromHere())
}

// StartDial connects from the host and returns the socket, watched, while it
// connects. Conn.Connected tells what became of it.
func (h *Host) StartDial(t testing.TB, to netip.AddrPort, e Endpoint) *Conn {
	t.Helper()
	conn, err := h.startDial(to, e)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (h *Host) startDial(to netip.AddrPort, e Endpoint) (*Conn, error) {
	conn := h.newConn(h.local(e, clientPort), to)
	conn.options = e.Options
	if err := conn.watch(false); err != nil {
		return nil, err
	}
	if err := conn.noteCounters(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	conn.connected = make(chan struct{})
	go func() {
		defer close(conn.connected)
		conn.tcp, conn.connectErr = h.dial(ctx, conn.local, to, e, conn.beginConnect)
		h.lab.kick()
	}()
	h.lab.onClose(func() error {
		cancel()
		<-conn.connected
		return nil
	})
	return conn, nil
}

// dialUnbound connects from whatever port the kernel chooses.
func (h *Host) dialUnbound(to netip.AddrPort, e Endpoint) (*Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dialled, err := h.dial(ctx, netip.AddrPort{}, to, e, func() {})
	if err != nil {
		return nil, err
	}
	conn := h.newConn(addrPort(dialled.LocalAddr()), to)
	conn.tcp, conn.options = dialled, e.Options
	return conn, errors.Join(conn.watch(true), h.lab.countFromHere())
}

// dial opens the socket inside the host, with Go's keepalive off and without
// MPTCP; begin is called right before bind and connect.
func (h *Host) dial(ctx context.Context, from, to netip.AddrPort, e Endpoint, begin func()) (*net.TCPConn, error) {
	dialer := net.Dialer{KeepAlive: -1, Control: func(network, address string, raw syscall.RawConn) error {
		if err := e.control(network, address, raw); err != nil {
			return err
		}
		begin()
		return nil
	}}
	if from.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	dialer.SetMultipathTCP(false)
	var conn net.Conn
	err := h.ns.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp", to.String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connecting from the %s: %w", h.name, err)
	}
	return conn.(*net.TCPConn), nil
}
