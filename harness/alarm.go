package harness

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm lets one goroutine wait for a moment, and others wake it before. It is a
// timer of the kernel's own (timerfd_create(2)), which is on time. Those of Go are as
// late as its epoll_pwait: the timeout is in whole milliseconds (netpoll in
// runtime/netpoll_epoll.go, Go 1.26), and a thousandth of it is slack
// (select_estimate_accuracy in fs/select.c, Linux 5.10 to 7.3). Meanwhile Go's monitor
// looks every 20 µs what became of the timer, which in virtual time is nothing but work.
type alarm struct {
	file   *os.File
	raw    syscall.RawConn
	woken  atomic.Bool
	closed atomic.Bool
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making a timer: %w", os.NewSyscallError("timerfd_create", err))
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timer")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("making a timer: %w", err), a.close())
	}
	return a, nil
}

// wait returns after the pause, which is more than nothing, or once wake was called
// since it last returned. It may, seldom, return too early, because of what was meant
// for the wait before. Once the alarm is closed it returns os.ErrClosed.
func (a *alarm) wait(pause time.Duration) error {
	armed := false
	var setErr error
	err := a.raw.Read(func(fd uintptr) bool {
		if armed {
			return true
		}
		armed, setErr = true, setTimer(int(fd), pause)
		return setErr != nil || a.woken.Load()
	})
	a.woken.Store(false)
	return a.unlessClosed(errors.Join(err, setErr))
}

// wake ends the wait.
func (a *alarm) wake() error {
	if a.woken.Swap(true) {
		return nil
	}
	return a.unlessClosed(withFD(a.raw, func(fd int) error { return setTimer(fd, 1) }))
}

func (a *alarm) close() error {
	a.closed.Store(true)
	return a.file.Close()
}

// unlessClosed says os.ErrClosed for what a syscall.RawConn of os says of a closed file,
// in words alone (rawConn in os/rawconn.go, Go 1.26).
func (a *alarm) unlessClosed(err error) error {
	if err != nil && a.closed.Load() {
		return os.ErrClosed
	}
	return err
}

// sleepByAlarm waits for the pause. Go's scheduler asks for the time whenever a goroutine
// waits, as long as there is a timer of its own: a system call each, where the kernel
// maps no clock into programs.
func sleepByAlarm(pause time.Duration) error {
	a, err := newAlarm()
	if err != nil {
		return err
	}
	return errors.Join(a.wait(pause), a.close())
}

func setTimer(fd int, pause time.Duration) error {
	err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(pause))}, nil)
	return os.NewSyscallError("timerfd_settime", err)
}
