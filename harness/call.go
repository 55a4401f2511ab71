package harness

import (
	"fmt"
	"io"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// SetOptions sets socket options. SO_KEEPALIVE starts its clock anew.
func (c *Conn) SetOptions(options tcp.Options) error {
	if options.Keepalive {
		if err := c.measure(); err != nil {
			return fmt.Errorf("setting options on the %s: %w", c.host.name, err)
		}
	}
	begin := time.Now()
	if err := c.withSocket(func(fd int) error { return setOptions(fd, options) }); err != nil {
		return fmt.Errorf("setting options on the %s: %w", c.host.name, err)
	}
	c.options = options
	if options.Keepalive {
		c.mark(tcp.Idle, between{begin, time.Now()})
	}
	c.remark("setsockopt()")
	return nil
}

// Write sends data. It fails after 20 s if that does not fit into the send
// buffer.
func (c *Conn) Write(data []byte) (n int, err error) {
	err = c.act("write()", tcp.DataSent, func() error {
		if err := c.tcp.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		n, err = c.tcp.Write(data)
		return err
	})
	return n, err
}

// Read receives data. It fails after 20 s without any.
func (c *Conn) Read(data []byte) (int, error) {
	if err := c.tcp.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := c.tcp.Read(data)
	c.host.lab.kick()
	return n, err
}

// ReadAll receives until the peer has sent its FIN.
func (c *Conn) ReadAll() ([]byte, error) { return io.ReadAll(c) }

// act makes a call that starts a clock, and notes when. A FIN is sent once.
func (c *Conn) act(name string, clock tcp.Clock, f func() error) error {
	return c.actUntil(name, clock, func() (time.Time, error) {
		err := f()
		return time.Now(), err
	})
}

// actUntil is act for a call that tells by when the clock had started.
func (c *Conn) actUntil(name string, clock tcp.Clock, f func() (time.Time, error)) error {
	_, sent := c.marked(tcp.FINSent)
	if _, probing := c.marked(tcp.Probing); !sent && !probing {
		if err := c.measure(); err != nil {
			return fmt.Errorf("%s on the %s: %w", name, c.host.name, err)
		}
	}
	c.note(name)
	begin := time.Now()
	started, err := f()
	if !sent {
		c.mark(clock, between{begin, started})
	}
	c.host.lab.kick()
	if err != nil {
		return fmt.Errorf("%s on the %s: %w", name, c.host.name, err)
	}
	return nil
}

func (c *Conn) mark(clock tcp.Clock, at between) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[clock] = at
}

// marked is when a call started the clock.
func (c *Conn) marked(clock tcp.Clock) (between, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.marks[clock]
	return at, found
}

// beginConnect notes the moment before connect; the socket in SYN_SENT shows
// when that was over.
func (c *Conn) beginConnect() {
	c.mark(tcp.SYNSent, between{time.Now(), time.Time{}})
	c.note("connect()")
}

// note tells the story of a call that sends something.
func (c *Conn) note(call string) {
	c.host.lab.story.note(event{at: time.Now(), host: c.host, text: call, call: true})
	c.host.lab.kick()
}

// remark tells of anything else.
func (c *Conn) remark(text string) {
	c.host.lab.story.note(event{at: time.Now(), host: c.host, text: text})
	c.host.lab.kick()
}
