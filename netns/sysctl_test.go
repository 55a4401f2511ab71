package netns

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSysctlRoundTrip(t *testing.T) {
	requireNamespaces(t)
	ns, other := newNamespace(t), newNamespace(t)

	require.NoError(t, ns.SetSysctl("net.ipv4.tcp_fin_timeout", "7"))

	value, err := ns.Sysctl("net.ipv4.tcp_fin_timeout")
	require.NoError(t, err)
	assert.Equal(t, "7", value)
	value, err = other.Sysctl("net.ipv4.tcp_fin_timeout")
	require.NoError(t, err)
	assert.Equal(t, "60", value, "a new namespace has the kernel's own default")
}

func TestSysctlErrors(t *testing.T) {
	requireNamespaces(t)
	ns := newNamespace(t)

	_, err := ns.Sysctl("net.ipv4.tcp_no_such_thing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "net.ipv4.tcp_no_such_thing in "+ns.String())
	assert.ErrorContains(t, ns.SetSysctl("net.ipv4.tcp_orphan_retries", "256"), "net.ipv4.tcp_orphan_retries=256")
	// Shared by all namespaces, so out of reach.
	assert.ErrorIs(t, ns.SetSysctl("net.ipv4.tcp_max_orphans", "1"), fs.ErrNotExist)
}

func TestSysctlPath(t *testing.T) {
	path, err := sysctlPath("net.ipv4.tcp_fin_timeout")
	require.NoError(t, err)
	assert.Equal(t, "/proc/sys/net/ipv4/tcp_fin_timeout", path)

	for _, name := range []string{"", "net", "kernel.panic", "net..panic", "net.ipv4/../../kernel/panic", "net.."} {
		_, err := sysctlPath(name)
		assert.Error(t, err, name)
	}
}
