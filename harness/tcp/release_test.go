package tcp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRelease(t *testing.T) {
	assert.True(t, Release{4, 19}.Before(5, 10))
	assert.True(t, Release{5, 9}.Before(5, 10))
	assert.False(t, Release{5, 10}.Before(5, 10))
	assert.False(t, Release{6, 1}.Before(5, 10))
	assert.False(t, Release{}.Before(99, 0), "the newest")
	assert.Equal(t, "Linux 6.18", Release{6, 18}.String())
}
