package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

// A sighting is one look at a socket. What it tells was so at some moment
// between before and after.
type sighting struct {
	before, after time.Time
	state         tcp.State // Gone when the kernel has no such socket
	timer         tcp.Timer
	retrans       int
	// expires is when the timer is due, counted from the look; exact to a
	// tick, 0 once it is due.
	expires time.Duration
	// owned says that a process has the socket open.
	owned bool
}

// diag asks the kernel for one socket by its exact addresses and ports
// (sock_diag(7)). Unlike a dump, which walks the established hash of the whole
// machine, this costs some microseconds however many sockets there are, and it
// finds orphans and minisockets.
type diag struct {
	socket  *diagSocket
	request []byte
	remote  uint16
	reply   [4096]byte
}

const (
	sizeofDiagRequest = 56 // struct inet_diag_req_v2
	sizeofDiagReply   = 72 // struct inet_diag_msg
)

// newDiag prepares to look at one socket of the host.
func (h *Host) newDiag(local, remote netip.AddrPort) *diag {
	return &diag{socket: h.diag, request: diagRequest(local, remote), remote: remote.Port()}
}

// diagRequest is a SOCK_DIAG_BY_FAMILY message for one socket of any state.
func diagRequest(local, remote netip.AddrPort) []byte {
	const anyState, anyCookie = 1<<32 - 1, 1<<32 - 1
	request := make([]byte, unix.NLMSG_HDRLEN+sizeofDiagRequest)
	binary.NativeEndian.PutUint32(request[0:], uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST)
	body := request[unix.NLMSG_HDRLEN:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	if local.Addr().Is6() {
		body[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(body[4:], anyState)
	binary.BigEndian.PutUint16(body[8:], local.Port())
	binary.BigEndian.PutUint16(body[10:], remote.Port())
	copy(body[12:28], local.Addr().AsSlice())
	copy(body[28:44], remote.Addr().AsSlice())
	binary.NativeEndian.PutUint32(body[48:], anyCookie)
	binary.NativeEndian.PutUint32(body[52:], anyCookie)
	return request
}

// timeNow is time.Now, for which one clock is read in place of two: a system call each,
// where the kernel maps no clock into programs, as User Mode Linux.
func timeNow() time.Time { return epoch.Add(time.Since(epoch)) }

// look asks once.
func (d *diag) look() (sighting, error) {
	d.socket.mu.Lock()
	defer d.socket.mu.Unlock()
	seen := sighting{before: timeNow()}
	if err := d.socket.ask(rawWrite, d.request); err != nil {
		return sighting{}, err
	}
	reply, err := d.socket.receive(rawRead, d.reply[:])
	if err != nil {
		return sighting{}, err
	}
	seen.after = timeNow()
	err = d.parse(&seen, reply)
	return seen, err
}

// parse reads the answer: an error message or a struct inet_diag_msg. When the
// connection is gone the kernel's lookup falls back to the listener
// (inet_diag_find_one_icsk, Linux 5.10 to 7.3), which has no remote port.
func (d *diag) parse(seen *sighting, reply []byte) error {
	messages, err := syscall.ParseNetlinkMessage(reply)
	if err != nil || len(messages) == 0 {
		return fmt.Errorf("parsing sock_diag's answer of %d bytes: %w", len(reply), errors.Join(err, unix.EBADMSG))
	}
	switch err := refusal(messages[0]); {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	}
	body := messages[0].Data
	if len(body) < sizeofDiagReply {
		return fmt.Errorf("sock_diag's answer of %d bytes is too short: %w", len(body), unix.EBADMSG)
	}
	if binary.BigEndian.Uint16(body[6:]) != d.remote {
		return nil
	}
	seen.state, seen.timer, seen.retrans = tcp.State(body[1]), tcp.Timer(body[2]), int(body[3])
	if seen.timer > tcp.TimerPersist {
		seen.timer = tcp.TimerNone // the delayed acknowledgement's, from Linux 7.3 on: it holds nothing
	}
	seen.expires = time.Duration(binary.NativeEndian.Uint32(body[52:])) * time.Millisecond
	seen.owned = binary.NativeEndian.Uint32(body[68:]) != 0 // the inode
	return nil
}

// refusal is the error that a message tells of; nil if it is another message.
func refusal(message syscall.NetlinkMessage) error {
	if message.Header.Type != unix.NLMSG_ERROR || len(message.Data) < 4 {
		return nil
	}
	return fmt.Errorf("sock_diag: %w", unix.Errno(-int32(binary.NativeEndian.Uint32(message.Data))))
}
