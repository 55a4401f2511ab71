package harness

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func settingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "99-tcp.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestSettingsOfAFile(t *testing.T) {
	r := &run{options: Options{Settings: settingsFile(t, `# tuned
vm.swappiness = 10
net.ipv4.conf.*.rp_filter = 1
net.ipv4.tcp_fin_timeout = 20
net/ipv4/tcp_orphan_retries=2
net.ipv4.tcp_mem = 1 2 3
net.ipv4.tcp_congestion_control = bbr
-net.ipv4.tcp_recycle_all = 1
`)}}
	require.NoError(t, r.readOwn())
	assert.Equal(t, Sysctls{"tcp_fin_timeout": 20, "tcp_orphan_retries": 2}, r.own)
	require.Len(t, r.notes, 4)
	assert.Equal(t, "ignored, being outside net.ipv4.tcp_*: 2", r.notes[0])
	assert.Contains(t, r.notes[1], "tcp_congestion_control")
	assert.Contains(t, r.notes[2], "left alone, because all namespaces share it: tcp_mem")
	assert.Contains(t, r.notes[3], ":8: unknown sysctl net.ipv4.tcp_recycle_all")
}

// A mistake names the file by its absolute path, and the line.
func TestSettingsMistakes(t *testing.T) {
	path := settingsFile(t, "# misspelt\nnet.ipv4.tcp_fin_timeuot = 20\nnet.ipv4.tcp_retries2 = 300\n")
	r := &run{options: Options{Settings: path}}
	err := r.readOwn()
	require.ErrorContains(t, err, path+":2: unknown sysctl net.ipv4.tcp_fin_timeuot; did you mean tcp_fin_timeout?")
	require.ErrorContains(t, err, path+":3: ")
	assert.Empty(t, r.own)

	r = &run{options: Options{Settings: "no/such/file.conf"}}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	require.ErrorContains(t, r.readOwn(), filepath.Join(root, "no/such/file.conf"), "counted from the root of the module")
}

// This machine's settings are those that a lab has not anyway.
func TestSettingsOfThisMachine(t *testing.T) {
	kernel, err := thisKernel()
	require.NoError(t, err)
	kernel.defaults.FinTimeout += time.Second
	own, err := ownSettings(kernel)
	require.NoError(t, err)
	assert.Contains(t, own, "tcp_fin_timeout")
	for name, value := range own {
		text, err := os.ReadFile(ownSysctl + name)
		require.NoError(t, err)
		assert.Contains(t, string(text), string(rune('0'+value%10)))
	}
}
