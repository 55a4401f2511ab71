package tcp

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readOld answers as a kernel before 6.11 does.
func readOld(name string) (string, error) {
	values := map[string]string{
		"tcp_orphan_retries": "2", "tcp_retries2": "8", "tcp_fin_timeout": "20",
		"tcp_early_retrans": "0", "tcp_sack": "0",
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
		OrphanRetries: 2, Retries2: 8, FinTimeout: 20 * time.Second,
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
	assert.ErrorContains(t, err, "tcp_orphan_retries")
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
		"tcp_orphan_retries was 0, now 1000",
		"tcp_retries2 was 15, now 1001",
		"tcp_fin_timeout was 60, now 1002",
		"tcp_early_retrans was 3, now 1003",
		"tcp_rto_min_us was 200000, now 1005",
		"tcp_rto_max_ms was 120000, now 1006",
	}, was.Changes(now), "tcp_sack is on or off")
}
