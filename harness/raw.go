package harness

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls that return at once, made without telling Go's scheduler: it would wake
// its monitor at the first one after a wait, and the monitor asks for the time, sleeps
// for 20 µs and looks again (entersyscall and sysmon in runtime/proc.go, Go 1.26), which
// costs more than a look at a socket does.

// rawWrite is write(2) to what never waits; p is not empty.
func rawWrite(fd int, p []byte) error {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return orNil(errno)
}

// rawRead is read(2) from what never waits; p is not empty.
func rawRead(fd int, p []byte) (n int, err error) {
	read, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(read), orNil(errno)
}

// rawSetTimer is timerfd_settime(2).
func rawSetTimer(fd int, spec *unix.ItimerSpec) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(fd), 0, uintptr(unsafe.Pointer(spec)), 0, 0, 0)
	return orNil(errno)
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
