package harness

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// name is what an application would call the error: its number's name, EOF, or
// nothing.
func name(err error) tcp.Errno {
	var errno unix.Errno
	switch {
	case err == nil:
		return ""
	case errors.Is(err, io.EOF):
		return tcp.EOF
	case errors.As(err, &errno):
		return tcp.Errno(unix.ErrnoName(errno))
	}
	return tcp.Errno(err.Error())
}

// listen is a call that waits in the socket until it is told of its end: the
// connect that is under way, or else a receive.
func (c *Conn) listen(expected tcp.Errors) <-chan tcp.Errno {
	told := make(chan tcp.Errno, 1)
	switch {
	case expected == tcp.Errors{} || c.closed:
	case c.connecting():
		go func() { told <- name(c.Connected()) }()
	default:
		go func() {
			if err := c.tcp.SetReadDeadline(time.Time{}); err != nil {
				told <- name(err)
				return
			}
			buffer := make([]byte, 1<<16)
			for {
				if _, err := c.tcp.Read(buffer); err != nil {
					told <- name(err)
					return
				}
			}
		}()
	}
	return told
}

// requireErrors fails the test when the owner of a socket that a timer has
// ended was told something else than predicted.
func (c *Conn) requireErrors(t testing.TB, expected tcp.Errors, told <-chan tcp.Errno) {
	t.Helper()
	if (expected == tcp.Errors{}) {
		return
	}
	select {
	case got := <-told:
		c.requireError(t, "the call that was waiting", got, expected.Blocked)
	case <-time.After(patience):
		c.failf(t, "%s is gone, and its owner was not told within %s", c.host.name, tcp.Text(patience))
	}
	if c.connectErr != nil {
		return
	}
	_, err := c.Read(make([]byte, 1))
	c.requireError(t, "the next receive", name(err), expected.Receive)
	if err := c.tcp.SetWriteDeadline(time.Now().Add(patience)); err != nil { // Write may have set one long ago
		c.failf(t, "%s: %v", c.host.name, err)
	}
	for call, want := range []tcp.Errno{expected.Send, expected.SendAgain} {
		_, err = c.tcp.Write([]byte{0})
		c.requireError(t, fmt.Sprintf("send %d after that", call+1), name(err), want)
	}
}

func (c *Conn) requireError(t testing.TB, call string, got, want tcp.Errno) {
	t.Helper()
	if got != want {
		c.failf(t, "%s: %s was told %q, not %q", c.host.name, call, got, want)
	}
}
