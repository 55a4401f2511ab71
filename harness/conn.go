package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

const (
	serverPort  = 6000
	clientPort  = 40000
	dialTimeout = 10 * time.Second
)

// Conn is one end of a TCP connection. It can be watched and judged after it
// was closed, until the lab ends.
type Conn struct {
	host    *Host
	peer    *Conn
	tcp     *net.TCPConn
	watcher *watcher
	// finBegin and finEnd enclose the moment when the FIN was sent; socket is
	// what the kernel said right before.
	finBegin, finEnd time.Time
	socket           tcp.Socket
	// closeBegin and closeEnd enclose the moment when the owner let go.
	closeBegin, closeEnd time.Time
	closed               bool
}

// Connect opens a plain TCP connection from the client to the server: no
// keepalive, no MPTCP. Both ends are ESTABLISHED and watched when it returns.
func (lab *Lab) Connect(t testing.TB) (client, server *Conn) {
	t.Helper()
	client, server, err := lab.connect()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func (lab *Lab) connect() (client, server *Conn, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	listener, err := lab.Server.listen(ctx)
	if err != nil {
		return nil, nil, err
	}
	lab.onClose(listener.Close)
	client, server = &Conn{host: lab.Client}, &Conn{host: lab.Server}
	client.peer, server.peer = server, client
	if client.tcp, err = lab.Client.dial(ctx, listener.Addr()); err != nil {
		return nil, nil, err
	}
	lab.onClose(client.abort)
	if err := listener.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, nil, err
	}
	if server.tcp, err = listener.AcceptTCP(); err != nil {
		return nil, nil, fmt.Errorf("accepting on the server: %w", err)
	}
	lab.onClose(server.abort)
	for _, conn := range []*Conn{client, server} {
		if err := conn.openWatcher(); err != nil {
			return nil, nil, err
		}
	}
	for _, conn := range []*Conn{client, server} {
		go conn.watcher.run(conn.peer.watcher)
		lab.onClose(conn.watcher.stop)
	}
	lab.conns = append(lab.conns, client, server)
	return client, server, nil
}

// listen opens a listener on the next free port of the host.
func (h *Host) listen(ctx context.Context) (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false)
	addr := netip.AddrPortFrom(h.addrs[h.lab.Family].Addr(), h.lab.port(serverPort))
	var listener net.Listener
	err := h.ns.Do(func() (err error) {
		listener, err = config.Listen(ctx, "tcp", addr.String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening on the %s: %w", h.name, err)
	}
	return listener.(*net.TCPListener), nil
}

func (h *Host) dial(ctx context.Context, to net.Addr) (*net.TCPConn, error) {
	from := netip.AddrPortFrom(h.addrs[h.lab.Family].Addr(), h.lab.port(clientPort))
	dialer := net.Dialer{KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(from)}
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

// port gives every connection of the lab ports of its own.
func (lab *Lab) port(first uint16) uint16 { return first + uint16(len(lab.conns)/2) }

// openWatcher finds the connection in sock_diag.
func (c *Conn) openWatcher() error {
	local, remote := c.tcp.LocalAddr().(*net.TCPAddr).AddrPort(), c.tcp.RemoteAddr().(*net.TCPAddr).AddrPort()
	diag, err := openDiag(c.host.ns, local, remote)
	if err != nil {
		return err
	}
	c.host.lab.onClose(diag.close)
	if c.watcher, err = newWatcher(diag, c.host.lab.kernel.hz.Tick()); err != nil {
		return fmt.Errorf("watching the %s: %w", c.host.name, err)
	}
	return nil
}

// Close closes the socket as its owner: it becomes an orphan, and a FIN is
// sent unless one was before.
func (c *Conn) Close() error {
	return c.act("close()", func() error {
		c.closed, c.closeBegin = true, time.Now()
		err := c.tcp.Close()
		c.closeEnd = time.Now()
		return err
	})
}

// CloseWrite is a half-close, shutdown(SHUT_WR): a FIN is sent and the socket
// keeps its owner.
func (c *Conn) CloseWrite() error {
	return c.act("shutdown(SHUT_WR)", c.tcp.CloseWrite)
}

// act does what sends a FIN, the first time, and notes when.
func (c *Conn) act(name string, f func() error) error {
	first := c.finBegin.IsZero()
	if first {
		if err := c.readSocket(); err != nil {
			return fmt.Errorf("%s on the %s: %w", name, c.host.name, err)
		}
	}
	begin := time.Now()
	err := f()
	if first {
		c.finBegin, c.finEnd = begin, time.Now()
	}
	c.host.lab.story.note(event{at: begin, host: c.host, text: name, action: true})
	c.host.lab.kick()
	if err != nil {
		return fmt.Errorf("%s on the %s: %w", name, c.host.name, err)
	}
	return nil
}

// readSocket asks for what the model needs, while the socket can be asked and
// before a FIN that is not acknowledged distorts it.
func (c *Conn) readSocket() error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	var info *unix.TCPInfo
	var infoErr error
	err = raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err := errors.Join(err, infoErr); err != nil {
		return err
	}
	c.socket = tcp.Socket{
		RTO: time.Duration(info.Rto) * time.Microsecond,
		RTT: time.Duration(info.Rtt) * time.Microsecond,
	}
	return nil
}

// abort ends the connection from this end, if it still has an owner: with
// SO_LINGER of zero close sends a RST, which ends an orphan at the other end at
// once.
func (c *Conn) abort() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return errors.Join(c.tcp.SetLinger(0), c.tcp.Close())
}
