package harness

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// stampSegments has the kernel note when each segment passes, for the life of the
// process. It begins to do so some time after the first socket has asked, in a
// workqueue, and until then a segment gets the moment at which it is read
// (net_enable_timestamp in net/core/dev.c, __sock_recv_timestamp in net/socket.c,
// Linux 5.10 to 7.3): without this the first of a run could not be told from later
// ones. The socket receives nothing.
var stampSegments = sync.OnceValue(func() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening a socket for timestamps: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return errors.Join(fmt.Errorf("asking for timestamps: %w", err), unix.Close(fd))
	}
	return nil
})
