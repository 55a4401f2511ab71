package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A batch is requests that are sent to the kernel in one piece: the package doc
// says why.
type batch struct {
	steps []step
	bytes []byte
	// answer is what the kernel told, without the header; nil before.
	answer []byte
}

// A step is one request: what it does, for errors, and its number.
type step struct {
	does     string
	sequence uint32
}

// add appends a request: its kind and flags (rtnetlink(7)), and what it consists
// of. It is not acknowledged; the kernel answers it only where it refuses it.
func (b *batch) add(does string, kind, flags int, parts ...nl.NetlinkRequestData) {
	request := nl.NewNetlinkRequest(kind, flags)
	request.Data = parts
	b.steps = append(b.steps, step{does, request.Seq})
	b.bytes = append(b.bytes, request.Serialize()...)
}

// A batchSocket is a netlink socket for batches. It works in the namespace that
// it was opened in.
type batchSocket struct {
	mu sync.Mutex // held from a batch to its last answer
	fd int
}

// openBatchSocket opens one in the namespace that the thread is in.
func openBatchSocket() (*batchSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	return &batchSocket{fd: fd}, nil
}

func (s *batchSocket) close() error { return unix.Close(s.fd) }

// longestDatagram is more than a batch is answered with at once.
const longestDatagram = 16 << 10

// datagrams are used again: two hosts on a wire take six of them.
var datagrams = sync.Pool{New: func() any { return new([longestDatagram]byte) }}

// do sends a batch and returns the error of the first step that the kernel refused.
// It carries out all others, also those that come after (netlink_rcv_skb in
// net/netlink/af_netlink.c, Linux 5.10 to 6.18).
func (s *batchSocket) do(b *batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.add("ending the requests", unix.NLMSG_NOOP, unix.NLM_F_ACK)
	if err := unix.Sendto(s.fd, b.bytes, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending %d requests: %w", len(b.steps), err)
	}
	var first error
	datagram := datagrams.Get().(*[longestDatagram]byte)
	defer datagrams.Put(datagram)
	for {
		// The kernel has answered everything within the call that sent it.
		count, _, err := unix.Recvfrom(s.fd, datagram[:], unix.MSG_DONTWAIT)
		if err != nil {
			return errors.Join(first, fmt.Errorf("receiving the answers to %d requests: %w", len(b.steps), err))
		}
		messages, err := syscall.ParseNetlinkMessage(datagram[:count])
		if err != nil {
			return errors.Join(first, fmt.Errorf("parsing an answer: %w", err))
		}
		for _, message := range messages {
			last, err := b.judge(message)
			if first == nil {
				first = err
			}
			if last {
				return first
			}
		}
	}
}

// judge finds the step that is answered, and keeps what it asked for. It returns
// the error that the kernel has with it, and whether it was the last.
func (b *batch) judge(message syscall.NetlinkMessage) (last bool, err error) {
	at := slices.IndexFunc(b.steps, func(s step) bool { return s.sequence == message.Header.Seq })
	if at < 0 {
		return false, nil
	}
	if message.Header.Type != unix.NLMSG_ERROR {
		b.answer = slices.Clone(message.Data)
		return false, nil
	}
	last = at == len(b.steps)-1
	if len(message.Data) < 4 {
		return last, fmt.Errorf("%s: %w in an answer", b.steps[at].does, io.ErrUnexpectedEOF)
	}
	if errno := -int32(binary.NativeEndian.Uint32(message.Data)); errno != 0 {
		return last, fmt.Errorf("%s: %w", b.steps[at].does, unix.Errno(errno))
	}
	return last, nil
}
