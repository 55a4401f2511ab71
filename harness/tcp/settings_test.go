package tcp

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readOld answers as a kernel before 6.5 does: without the sysctls that came
// with 6.5, 6.11 and 6.15.
func readOld(name string) (string, error) {
	values := map[string]string{
		"tcp_syn_retries": "3", "tcp_synack_retries": "4", "tcp_orphan_retries": "2", "tcp_retries2": "8",
		"tcp_thin_linear_timeouts": "1", "tcp_keepalive_time": "600", "tcp_keepalive_intvl": "10",
		"tcp_keepalive_probes": "5", "tcp_fin_timeout": "20", "tcp_early_retrans": "0", "tcp_sack": "0",
		"tcp_tw_reuse": "1",
	}
	value, found := values[name]
	if !found {
		return "", fs.ErrNotExist
	}
	return value, nil
}

func TestReadSettings(t *testing.T) {
	settings, err := ReadSettings(readOld)
	require.NoError(t, err)
	assert.Equal(t, Settings{
		SynRetries: 3, SynAckRetries: 4, OrphanRetries: 2, Retries2: 8, ThinLinearTimeouts: true,
		KeepaliveTime: 600 * time.Second, KeepaliveInterval: 10 * time.Second, KeepaliveProbes: 5,
		FinTimeout: 20 * time.Second, TimeWaitReuse: 1,
		RTOMin: 200 * time.Millisecond, RTOMax: 120 * time.Second,
	}, settings)
}

func TestReadSettingsErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := ReadSettings(func(string) (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	_, err = ReadSettings(func(string) (string, error) { return "", fs.ErrNotExist })
	require.ErrorIs(t, err, fs.ErrNotExist, "a sysctl that every kernel has")
	_, err = ReadSettings(func(string) (string, error) { return "many", nil })
	assert.ErrorContains(t, err, "tcp_syn_retries")
}

func TestSet(t *testing.T) {
	settings := DefaultSettings()
	assert.True(t, settings.Set("tcp_rto_max_ms", 1000))
	assert.Equal(t, time.Second, settings.RTOMax)
	assert.False(t, settings.Set("tcp_no_such_thing", 1))
}

func TestChanges(t *testing.T) {
	was, now := DefaultSettings(), DefaultSettings()
	assert.Empty(t, was.Changes(now))
	for i, sysctl := range sysctls {
		require.True(t, now.Set(sysctl.name, 1000+i))
	}
	assert.Equal(t, []string{
		"tcp_syn_retries was 6, now 1000",
		"tcp_syn_linear_timeouts was 4, now 1001",
		"tcp_synack_retries was 5, now 1002",
		"tcp_retries2 was 15, now 1003",
		"tcp_orphan_retries was 0, now 1004",
		"tcp_thin_linear_timeouts was 0, now 1",
		"tcp_keepalive_time was 7200, now 1006",
		"tcp_keepalive_intvl was 75, now 1007",
		"tcp_keepalive_probes was 9, now 1008",
		"tcp_fin_timeout was 60, now 1009",
		"tcp_early_retrans was 3, now 1010",
		"tcp_rto_min_us was 200000, now 1012",
		"tcp_rto_max_ms was 120000, now 1013",
		"tcp_tw_reuse was 2, now 1014",
	}, was.Changes(now), "tcp_sack is on as before")
}
