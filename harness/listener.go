package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// dialTimeout bounds a wait for the other end of a connection.
const dialTimeout = 10 * time.Second

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
	var listener net.Listener
	err := h.ns.Do(func() (err error) {
		listener, err = config.Listen(context.Background(), "tcp", h.local(e, serverPort).String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening on the %s: %w", h.name, err)
	}
	l := &Listener{host: h, e: e, tcp: listener.(*net.TCPListener)}
	h.lab.onClose(l.close)
	return l, nil
}

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() netip.AddrPort { return addrPort(l.tcp.Addr()) }

// Accept returns the next connection, which is watched from then on. It waits
// for 10 s at the most.
func (l *Listener) Accept() (*Conn, error) {
	var accepted *net.TCPConn
	err := l.tcp.SetDeadline(time.Now().Add(dialTimeout))
	if err == nil {
		accepted, err = l.tcp.AcceptTCP()
	}
	if err == nil {
		if err = l.tcp.SetDeadline(time.Time{}); err != nil {
			err = errors.Join(err, accepted.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("accepting on the %s: %w", l.host.name, err)
	}
	conn := l.host.newConn(addrPort(accepted.LocalAddr()), addrPort(accepted.RemoteAddr()))
	conn.tcp, conn.options = accepted, l.e.Options
	return conn, conn.watch(true)
}

// State asks the kernel for the listener's state.
func (l *Listener) State() (tcp.State, error) {
	seen, err := l.host.newDiag(l.Addr(), netip.AddrPortFrom(l.host.lab.other(l.host).Addr(), 0)).look()
	return seen.state, err
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
