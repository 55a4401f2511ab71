package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// killInhabitants kills every process whose network namespace is the host's,
// until there is none. Nothing but what a lab has started can be in there: the
// namespace has no name to enter it by.
func (h *Host) killInhabitants(ctx context.Context) error {
	for {
		pids, err := processes()
		if err != nil {
			return err
		}
		found := false
		for _, pid := range pids {
			lives, err := h.killInhabitant(ctx, pid)
			if err != nil {
				return fmt.Errorf("process %d: %w", pid, err)
			}
			found = found || lives
		}
		if !found {
			return nil
		}
	}
}

// killInhabitant kills the process if it is in the host's namespace, and waits
// for its end. The descriptor is opened before the look, so that the process
// that was looked at is the one that is killed.
func (h *Host) killInhabitant(ctx context.Context, pid int) (found bool, err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ESRCH) {
		return false, nil // it has ended, or is another user's
	}
	if err != nil || namespace != h.ns.String() {
		return false, err
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return true, err
	}
	return true, awaitEnd(ctx, fd)
}

// awaitEnd waits until the process that the descriptor stands for has ended.
func awaitEnd(ctx context.Context, pidfd int) error {
	deadline, _ := ctx.Deadline()
	for {
		watched := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(watched, int(max(0, time.Until(deadline).Milliseconds())))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return context.DeadlineExceeded
		default:
			return nil
		}
	}
}

// processes are the ids of those that /proc shows.
func processes() ([]int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := proc.Readdirnames(-1)
	if err := errors.Join(err, proc.Close()); err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
