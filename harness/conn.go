package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
)

// Conn is one end of a TCP connection. It can be watched and judged after it
// was closed, until the lab ends. Its calls must not be made concurrently.
type Conn struct {
	host          *Host
	local, remote netip.AddrPort
	watcher       *watcher
	// tcp is nil while the socket connects, and where a program has it.
	tcp *net.TCPConn
	// connected is closed when connect has returned; nil if it never ran here.
	connected  chan struct{}
	connectErr error
	// options are those set on the socket.
	options tcp.Options
	// socket is what the kernel said of it right before the last call that
	// started a clock, and counters what the host had counted.
	socket   tcp.Socket
	counters tcp.Counters

	mu sync.Mutex
	// marks enclose the moments at which calls started clocks.
	marks map[tcp.Clock]between
	// closing encloses the moment when the owner let go.
	closing between
	closed  bool
	lingers bool
	// continued tells that the process went on after a stop, once a close has lingered.
	continued chan os.Signal
}

// Connect opens a plain TCP connection from the client to the server: no
// keepalive, no MPTCP. Both ends are ESTABLISHED and watched when it returns.
func (lab *Lab) Connect(t testing.TB) (client, server *Conn) {
	t.Helper()
	return lab.ConnectAs(t, Endpoint{}, Endpoint{})
}

// ConnectAs is Connect with sockets made as the endpoints say.
func (lab *Lab) ConnectAs(t testing.TB, from, to Endpoint) (client, server *Conn) {
	t.Helper()
	client, server, err := lab.connect(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func (lab *Lab) connect(from, to Endpoint) (client, server *Conn, err error) {
	listener, err := lab.Server.Listen(to)
	if err != nil {
		return nil, nil, err
	}
	if client, err = lab.Client.Dial(listener.Addr(), from); err != nil {
		return nil, nil, err
	}
	if server, err = listener.Accept(); err != nil {
		return nil, nil, err
	}
	return client, server, nil
}

func (h *Host) newConn(local, remote netip.AddrPort) *Conn {
	return &Conn{host: h, local: local, remote: remote, marks: map[tcp.Clock]between{}}
}

// Watch watches a socket of the host that is not the test's: that of a program,
// or a request that a listener has not accepted yet. The socket need not exist
// so far.
func (h *Host) Watch(t testing.TB, local, remote netip.AddrPort) *Conn {
	t.Helper()
	conn := h.newConn(local, remote)
	if err := errors.Join(conn.noteCounters(), conn.watch(false)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// watch finds the socket in sock_diag and follows it; exists says that it must
// be there already.
func (c *Conn) watch(exists bool) error {
	lab := c.host.lab
	var err error
	if c.watcher, err = newWatcher(c.host.newDiag(c.local, c.remote), lab.kernel.hz.Tick(), exists); err != nil {
		return fmt.Errorf("watching the %s: %w", c.host.name, err)
	}
	lab.follow(c)
	go c.watcher.run(c.peersWatcher)
	lab.onClose(c.watcher.stop)
	lab.onClose(c.abort)
	return nil
}

// follow adds a connection to the lab.
func (lab *Lab) follow(c *Conn) {
	lab.mu.Lock()
	defer lab.mu.Unlock()
	lab.conns = append(lab.conns, c)
}

// forget takes one out that was never made.
func (lab *Lab) forget(c *Conn) {
	lab.mu.Lock()
	defer lab.mu.Unlock()
	lab.conns = slices.DeleteFunc(lab.conns, func(other *Conn) bool { return other == c })
}

// connections are all that the lab has seen.
func (lab *Lab) connections() []*Conn {
	lab.mu.Lock()
	defer lab.mu.Unlock()
	return slices.Clone(lab.conns)
}

// peer is the other end; nil if it is not watched.
func (c *Conn) peer() *Conn {
	for _, other := range slices.Backward(c.host.lab.connections()) {
		if other.host != c.host && other.local == c.remote && other.remote == c.local {
			return other
		}
	}
	return nil
}

func (c *Conn) peersWatcher() *watcher {
	if peer := c.peer(); peer != nil {
		return peer.watcher
	}
	return nil
}

// LocalAddr is the socket's own address.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

func (c *Conn) noteCounters() (err error) {
	c.counters, err = c.host.readCounters()
	return err
}
