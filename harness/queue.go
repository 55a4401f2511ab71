package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// FillWindow sends until the peer's receive window is closed and something is
// left to send, so that the persist timer is armed. The peer must not receive.
// The clock of that timer starts here.
func (c *Conn) FillWindow(t testing.TB) {
	t.Helper()
	if err := c.fillWindow(time.Now().Add(patience)); err != nil {
		c.failf(t, "filling the receive window of the %s's peer: %v", c.host.name, err)
	}
	c.remark("the peer's receive window is closed")
}

// fillWindow sends no more at a time than the window takes: a segment that is
// too large would arm the persist timer before the window is closed, and be
// sent in parts when it fires. Of pieces of 8 KB Linux 6.12 to 7.3 acknowledge
// one 40 ms late, and 5.10 and 6.1 none: the retransmission timeout would be 4 ms
// longer on some, and the same case end elsewhere.
func (c *Conn) fillWindow(deadline time.Time) error {
	const chunk = 1 << 10
	c.watcher.kick()
	for {
		info, err := c.info()
		switch {
		case err != nil:
			return err
		case info.Unacked > 0:
			err = c.nextLook(deadline)
		case info.Snd_wnd > 0:
			_, err = c.tcp.Write(make([]byte, min(info.Snd_wnd, chunk)))
			c.watcher.kick()
		default:
			return c.armPersistTimer(deadline)
		}
		if err != nil {
			return err
		}
	}
}

// nextLook waits until the socket was looked at once more. It does not ask for
// that: an acknowledgement may take 40 ms, and to look as fast as can be until then
// would keep a processor busy.
func (c *Conn) nextLook(deadline time.Time) error {
	asked := time.Now()
	_, err := c.watcher.await(deadline, func(stages []stage) bool { return stages[len(stages)-1].last.After(asked) })
	return err
}

func (c *Conn) armPersistTimer(deadline time.Time) error {
	if err := c.measure(); err != nil {
		return err
	}
	begin := time.Now()
	_, err := c.tcp.Write([]byte{0})
	c.mark(tcp.Probing, between{begin, time.Now()})
	if err != nil {
		return err
	}
	c.watcher.kick()
	_, err = c.watcher.await(deadline, func(stages []stage) bool { return stages[len(stages)-1].timer == tcp.TimerPersist })
	return err
}

// ExpectUnread waits until so many bytes have arrived that the owner has not
// received.
func (c *Conn) ExpectUnread(t testing.TB, bytes int) {
	t.Helper()
	got := -1
	c.watcher.kick()
	_, err := c.await(patience, func([]stage) bool {
		var err error
		got, err = c.Unread()
		return got == bytes || err != nil
	})
	if err != nil || got != bytes {
		c.failf(t, "%s has %d bytes unread, not %d: %v", c.host.name, got, bytes, err)
	}
}

// ExpectAcknowledged waits until the peer's kernel has acknowledged everything
// that was sent.
func (c *Conn) ExpectAcknowledged(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(patience)
	c.watcher.kick()
	for {
		info, err := c.info()
		if err == nil && info.Unacked == 0 && info.Notsent_bytes == 0 {
			return
		}
		if err == nil {
			err = c.nextLook(deadline)
		}
		if err != nil {
			c.failf(t, "%s: awaiting the acknowledgement: %v", c.host.name, err)
		}
	}
}
