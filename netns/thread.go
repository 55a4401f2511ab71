package netns

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// errUnfinished is the result of a function that ended its goroutine instead
// of returning, as testing's FailNow does.
var errUnfinished = errors.New("the function inside the namespace did not return (FailNow belongs outside)")

// onOwnThread runs f on an operating-system thread that nothing else ever runs
// on: a goroutine that ends while locked takes its thread with it, so whatever
// f did to the thread cannot leak into the scheduler.
func onOwnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end: the runtime would park it inside
			// the namespace for good, and /proc/self would show the
			// namespace as the process's. It is held here, unchanged, so
			// that another thread does the work.
			result <- onOwnThread(f)
			runtime.UnlockOSThread()
			return
		}
		err := errUnfinished
		defer func() { result <- err }()
		err = f()
	}()
	return <-result
}
