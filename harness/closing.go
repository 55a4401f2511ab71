package harness

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// Close closes the socket as its owner: it becomes an orphan, and a FIN is
// sent unless one was before.
func (c *Conn) Close() error {
	release := programs.close()
	defer release()
	return c.actUntil("close()", tcp.FINSent, func() (sent time.Time, err error) {
		c.closed = true
		c.closing.from = time.Now()
		sent, err = c.close(release)
		c.closing.to = time.Now()
		return sent, err
	})
}

// close closes the descriptor while no program of ours has a copy of it, and tells by
// when the FIN was sent. Once the close has begun to wait the descriptor is gone, and
// programs may run.
func (c *Conn) close(release func()) (sent time.Time, err error) {
	if !c.lingers {
		err = c.tcp.Close()
		return time.Now(), err
	}
	c.continued = make(chan os.Signal, 1)
	signal.Notify(c.continued, unix.SIGCONT)
	c.host.lab.onClose(func() error { signal.Stop(c.continued); return nil })
	closed := make(chan error, 1)
	go func() { closed <- undisturbed(c.tcp.Close) }()
	err = c.awaitFIN()
	sent = time.Now()
	release()
	return sent, errors.Join(err, <-closed)
}

// awaitFIN waits until close has sent its FIN: the state comes first, then the segment,
// and then the timer (tcp_close_state and tcp_send_fin, Linux 5.10 to 7.3).
func (c *Conn) awaitFIN() error {
	c.watcher.kick()
	_, err := c.await(patience, func(stages []stage) bool {
		last := stages[len(stages)-1]
		switch last.state {
		case tcp.Established, tcp.CloseWait:
			return false
		case tcp.FinWait1, tcp.Closing, tcp.LastAck:
			return last.timer != tcp.TimerNone
		}
		return true
	})
	return err
}

// undisturbed runs a system call on a thread that takes no signals: one that was
// meant for another would cut short what lingers.
func undisturbed(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &before); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil))
}

// CloseWrite is a half-close, shutdown(SHUT_WR): a FIN is sent and the socket
// keeps its owner.
func (c *Conn) CloseWrite() error {
	return c.act("shutdown(SHUT_WR)", tcp.FINSent, c.tcp.CloseWrite)
}

// SetLinger sets SO_LINGER: close waits for so many seconds until everything is
// acknowledged; 0 has it send a RST; negative switches it off.
func (c *Conn) SetLinger(seconds int) error {
	c.lingers = seconds > 0
	return c.tcp.SetLinger(seconds)
}

// CloseTook is how long close took.
func (c *Conn) CloseTook() time.Duration { return c.closing.to.Sub(c.closing.from) }

// ExpectCloseTook fails unless close took at least so long, and less than most. It is
// inconclusive where the process was held up meanwhile: a close that waits returns
// late then, and one that was stopped, however shortly, and goes on waits no longer, for a
// stop is a signal that no thread can block (sk_stream_wait_close in net/core/stream.c).
// Another expectation comes first, for a delay is known only when what was late has
// run again.
func (c *Conn) ExpectCloseTook(t testing.TB, least, most time.Duration) {
	t.Helper()
	took := c.CloseTook()
	if took >= least && took < most {
		return
	}
	text := fmt.Sprintf("close took %.3f s, not %s to %s", took.Seconds(), tcp.Text(least), tcp.Text(most))
	why := ""
	switch heldUp := overshoots.worst(c.closing.from, c.closing.to.Add(overshootBucket)); {
	case len(c.continued) > 0:
		why = "the process was stopped and went on"
	case heldUp >= notable:
		why = fmt.Sprintf("the process was held up for %s meanwhile", tcp.Text(heldUp.Round(time.Millisecond)))
	default:
		c.failf(t, "%s: %s", c.host.name, text)
	}
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	c.undecided(t, alive(stages), "%s, and %s", text, why)
}

// abort ends the connection from this end, if it still has an owner: with
// SO_LINGER of zero close sends a RST, which ends an orphan at the other end at
// once.
func (c *Conn) abort() error {
	if c.connected != nil {
		<-c.connected
	}
	if c.closed || c.tcp == nil {
		return nil
	}
	c.closed = true
	return errors.Join(c.tcp.SetLinger(0), c.tcp.Close())
}
