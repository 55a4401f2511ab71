package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

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
	ctx, cancel := context.WithTimeout(context.Background(), h.lab.watch+patience)
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

// Connected waits until connect has returned, and says how.
func (c *Conn) Connected() error {
	select {
	case <-c.connected:
		return c.connectErr
	case <-time.After(c.host.lab.watch + patience):
		return fmt.Errorf("connecting from the %s: %w", c.host.name, os.ErrDeadlineExceeded)
	}
}

// connecting reports whether connect has not returned yet.
func (c *Conn) connecting() bool {
	if c.connected == nil {
		return false
	}
	select {
	case <-c.connected:
		return false
	default:
		return true
	}
}

// awaitBirth waits until the socket was seen, which it must have been before
// anything can end it.
func (c *Conn) awaitBirth() error {
	c.watcher.kick()
	_, err := c.await(patience, func(stages []stage) bool { return stages[len(stages)-1].state != unborn })
	return err
}
