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
