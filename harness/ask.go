package harness

import (
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// withSocket hands the socket's descriptor to a system call.
func (c *Conn) withSocket(f func(fd int) error) error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	return withFD(raw, f)
}

// measure reads what the model and the counters are judged from, while the
// socket can be asked and before what is not acknowledged distorts it.
func (c *Conn) measure() error {
	info, err := c.info()
	if err != nil || c.socket.RTO > 0 && info.Unacked > 0 {
		return err
	}
	c.socket = tcp.Socket{
		RTO: time.Duration(info.Rto) * time.Microsecond,
		RTT: time.Duration(info.Rtt) * time.Microsecond,
	}
	return c.noteCounters()
}

// info is TCP_INFO.
func (c *Conn) info() (info *unix.TCPInfo, err error) {
	err = c.withSocket(func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	})
	return info, err
}

// Unsent asks the kernel how many bytes wait to be sent or acknowledged
// (SIOCOUTQ).
func (c *Conn) Unsent() (int, error) { return c.queued(unix.SIOCOUTQ) }

// Unread asks the kernel how many bytes the owner has not received yet
// (SIOCINQ).
func (c *Conn) Unread() (int, error) { return c.queued(unix.SIOCINQ) }

func (c *Conn) queued(request uint) (bytes int, err error) {
	err = c.withSocket(func(fd int) (err error) {
		bytes, err = unix.IoctlGetInt(fd, request)
		return err
	})
	return bytes, err
}

// Cork holds back what does not fill a segment until Close (TCP_CORK).
func (c *Conn) Cork() error {
	return c.withSocket(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
}
