package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What is missing stands in the line of the failure, with how to get it; only
// the three ways to the privileges are longer.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err   error
		lacks []string
		says  string
	}{
		{unix.EPERM, []string{"CAP_NET_RAW"}, "building the client: operation not permitted: this process lacks CAP_NET_RAW\n" + "\n" + "The cases need"},
		{unix.EACCES, []string{"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}, "permission denied: this process lacks CAP_NET_ADMIN, CAP_SYS_ADMIN\n"},
		{unix.EPERM, nil, "operation not permitted, although this process has CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN: a seccomp filter or a security module forbids it"},
		{unix.EROFS, nil, "read-only file system: /proc/sys is read-only, as containers mount it: run the container with --privileged, or outside"},
		{unix.ENOSPC, nil, "no space left on device: the limit of network namespaces is reached; raise the sysctl user.max_net_namespaces"},
		{exec.ErrNotFound, nil, "executable file not found in $PATH: install iptables: apt-get install iptables (Debian, Ubuntu), "},
		{unix.ENOENT, nil, "no such file or directory: /proc must be mounted, and be that of this process's pid namespace"},
		{unix.EIO, nil, "building the client: input/output error"},
	} {
		err := explain(fmt.Errorf("building the client: %w", row.err), row.lacks)
		require.ErrorIs(t, err, row.err)
		assert.ErrorContains(t, err, row.says)
	}
}

// The capabilities are those that the kernel tells of this process.
func TestLacking(t *testing.T) {
	t.Parallel()
	lacks, err := lacking()
	require.NoError(t, err)
	if missing() == nil {
		assert.Empty(t, lacks, "labs can be built")
	} else if errors.Is(missing(), unix.EPERM) {
		assert.Subset(t, []string{"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"}, lacks)
	}
}

// requireLab skips a test of the harness itself where labs cannot be built.
func requireLab(t testing.TB) {
	t.Helper()
	err := missing()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) || errors.Is(err, exec.ErrNotFound) {
		t.Skipf("needs a lab: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// requireContainers skips the test where containers cannot be made by hand.
func requireContainers(t *testing.T) {
	t.Helper()
	requireLab(t)
	if os.Getuid() != 0 || inUserNamespace() {
		t.Skip("needs root outside of a user namespace")
	}
	for _, program := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s of util-linux: %v", program, err)
		}
	}
}

// requireTold skips the test where two windows have moments in common. With a
// retransmission timeout between 500 and 700 ms, as a busy machine measures it, 2 and 3
// retries end at the same firing: to believe the one for the other is no mistake.
func requireTold(t *testing.T, c *Conn, a, b tcp.Window) {
	t.Helper()
	for _, span := range b.Spans {
		if a.Spans.Overlaps(span) {
			t.Skipf("needs a shorter retransmission timeout than %v, with which both end at %v", c.socket.RTO, span)
		}
	}
}
