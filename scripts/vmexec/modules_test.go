package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kernel that lacks what every lab needs is refused before it boots.
func TestComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"veth": "veth.ko", "inet_diag": "inet_diag.ko.xz", "tcp_diag": "tcp_diag.ko.xz"}
	require.NoError(t, complete(dir, files), "where nothing says what is built in, the guest has to tell")

	builtIn := func(paths ...string) {
		text := strings.Join(append(paths, ""), "\n")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte(text), 0o644))
	}
	builtIn("kernel/net/packet/af_packet.ko", "kernel/net/netfilter/x_tables.ko")
	require.NoError(t, complete(dir, files))
	builtIn("kernel/net/packet/af_packet.ko")
	assert.EqualError(t, complete(dir, files), "this kernel cannot run the cases: x_tables, which they need, is neither below "+dir+" nor built in")
	delete(files, "veth")
	assert.ErrorContains(t, complete(dir, files), ": veth, x_tables, which")
}
