package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/finwait/finwait/netns"
	"golang.org/x/sys/unix"
)

// A diagSocket asks sock_diag for the sockets of one namespace, on behalf of all who
// look at them: one question at a time.
type diagSocket struct {
	mu       sync.Mutex // held from a question to its last answer
	fd       int
	closed   bool
	sequence uint32 // of the last question
}

// openDiagSocket opens one in the namespace that the thread is in.
func openDiagSocket() (*diagSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("opening sock_diag: %w", err)
	}
	return &diagSocket{fd: fd}, nil
}

func (s *diagSocket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return unix.Close(s.fd)
}

// transfer is write(2) or read(2).
type transfer func(fd int, p []byte) (int, error)

// ask sends a question; the lock is held.
func (s *diagSocket) ask(write transfer, request []byte) error {
	if s.closed {
		return fmt.Errorf("asking sock_diag: %w", netns.ErrClosed)
	}
	s.sequence++
	binary.NativeEndian.PutUint32(request[8:], s.sequence)
	if _, err := write(s.fd, request); err != nil {
		return fmt.Errorf("asking sock_diag: %w", err)
	}
	return nil
}

// receive reads one datagram of the answer into the buffer, and over what is left of one
// that nobody has read to its end. The kernel answers within the call that asks, and goes
// on with a long answer within the one that reads.
func (s *diagSocket) receive(read transfer, buffer []byte) ([]byte, error) {
	for {
		n, err := read(s.fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n < unix.NLMSG_HDRLEN {
			err = unix.EBADMSG
		}
		if err != nil {
			return nil, fmt.Errorf("reading sock_diag's answer: %w", err)
		}
		if binary.NativeEndian.Uint32(buffer[8:]) == s.sequence {
			return buffer[:n], nil
		}
	}
}
