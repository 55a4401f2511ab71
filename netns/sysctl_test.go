package netns

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSysctlRoundTrip(t *testing.T) {
	requireNamespaces(t)
	ns, other := newNamespace(t), newNamespace(t)

	require.NoError(t, ns.SetSysctl("net.ipv4.tcp_fin_timeout", "7"))

	assert.Equal(t, "7\n", finTimeout(t, ns))
	assert.Equal(t, "60\n", finTimeout(t, other), "a new namespace has the kernel's own default")
}

// finTimeout is what the kernel has for tcp_fin_timeout in the namespace.
func finTimeout(t *testing.T, ns *Namespace) string {
	t.Helper()
	var value []byte
	require.NoError(t, ns.Do(func() (err error) {
		value, err = os.ReadFile("/proc/sys/net/ipv4/tcp_fin_timeout")
		return err
	}))
	return string(value)
}

func TestSysctlErrors(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)

	err := ns.SetSysctl("net.ipv4.tcp_no_such_thing", "1")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "net.ipv4.tcp_no_such_thing=1 in "+ns.String())
	assert.ErrorContains(t, ns.SetSysctl("net.ipv4.tcp_orphan_retries", "256"), "net.ipv4.tcp_orphan_retries=256")
	// Shared by all namespaces, so out of reach.
	assert.ErrorIs(t, ns.SetSysctl("net.ipv4.tcp_max_orphans", "1"), fs.ErrNotExist)
}

func TestSysctlPath(t *testing.T) {
	path, err := sysctlPath("net.ipv4.tcp_fin_timeout")
	require.NoError(t, err)
	assert.Equal(t, "/proc/sys/net/ipv4/tcp_fin_timeout", path)
}

// No name leads out of /proc/sys/net, whatever is written to it, and the
// machine's own sysctls stay as they are.
func TestSysctlNamesThatLead(t *testing.T) {
	requireNamespaces(t)
	ns, before := newNamespace(t), homeState(t)
	for _, name := range []string{
		"", "net", "net.", ".net", "net..panic", "net..", "net.ipv4.", "kernel.panic", "vm.swappiness", "Net.ipv4.tcp_sack",
		"net.ipv4/../../kernel.panic", "net.ipv4/../../kernel/panic", "net.../../kernel/panic", "net.ipv4.tcp_fin_timeout/../../../kernel/panic",
		"/proc/sys/kernel/panic", "/proc/sys/net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_fin_timeout", "net.ipv4/tcp_fin_timeout", "../kernel/panic", "..", ".", "/",
	} {
		_, err := sysctlPath(name)
		require.Error(t, err, name)
		require.EqualError(t, ns.SetSysctl(name, "7"), err.Error())
	}
	for _, name := range []string{"net.ipv4.tcp_fin_timeout\x00", "net.ipv4.tcp_fin_timeout\n", " net.ipv4.tcp_fin_timeout", "net.ipv4", "net. "} {
		assert.Error(t, ns.SetSysctl(name, "7"), "%q", name)
	}
	assert.Equal(t, before, homeState(t))
}
