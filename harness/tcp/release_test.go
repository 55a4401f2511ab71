package tcp

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRelease(t *testing.T) {
	assert.True(t, Release{4, 19}.Before(5, 10))
	assert.True(t, Release{5, 9}.Before(5, 10))
	assert.False(t, Release{5, 10}.Before(5, 10))
	assert.False(t, Release{6, 1}.Before(5, 10))
	assert.False(t, Release{}.Before(99, 0), "the newest")
	assert.Equal(t, "Linux 6.18", Release{6, 18}.String())
}

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]Release{
		"6.18.44": {6, 18}, "5.10.0-8-amd64": {5, 10}, "7.3-rc1": {7, 3}, "6.1": {6, 1}, "6.1+": {6, 1}, "4.19": {4, 19},
	} {
		release, err := ParseRelease(text)
		require.NoError(t, err)
		assert.Equal(t, want, release)
	}
	for _, text := range []string{"", "6", "6.", ".1", "-6.1", "+6.1", "6.-1", "0.0", "06.1", " 6.1", "6.123456", "Linux 6.1", "6_0.1"} {
		_, err := ParseRelease(text)
		assert.EqualError(t, err, fmt.Sprintf("%q begins with no release of Linux, as 6.12 is one", text))
	}
}
