package harness

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls that return at once, made without telling Go's scheduler: it would wake
// its monitor at the first one after a wait, and the monitor asks for the time, sleeps
// for 20 µs and looks again (entersyscall and sysmon in runtime/proc.go, Go 1.26), which
// costs more than a look at a socket does. One that has to wait all the same, as a question
// to sock_diag does while another is answered on a kernel that has one lock for all of them
// (sock_diag_mutex in net/core/sock_diag.c, Linux 5.10 and 6.1), keeps others from running
// meanwhile, for microseconds.

// rawWrite is write(2); p is not empty.
func rawWrite(fd int, p []byte) (n int, err error) {
	written, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(written), orNil(errno)
}

// rawRead is read(2); p is not empty.
func rawRead(fd int, p []byte) (n int, err error) {
	read, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(read), orNil(errno)
}

// rawReceive is recvmsg(2) from a packet socket that never waits: a frame, its control
// messages, and what kind of packet it was. n is the length of the whole frame.
func rawReceive(fd int, frame, control []byte) (n, controls int, kind uint8, err error) {
	var from unix.RawSockaddrLinklayer
	buffer := unix.Iovec{Base: &frame[0]}
	buffer.SetLen(len(frame))
	msg := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&from)), Namelen: unix.SizeofSockaddrLinklayer, Iov: &buffer, Control: &control[0]}
	msg.SetIovlen(1)
	msg.SetControllen(len(control))
	length, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_TRUNC)
	return int(length), int(msg.Controllen), from.Pkttype, orNil(errno)
}

// orNil is the error, if it is one.
func orNil(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
