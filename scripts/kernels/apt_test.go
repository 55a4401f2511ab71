package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartsOfAKernel(t *testing.T) {
	suffix := flavour
	text := "Package: linux-image" + suffix + "\nVersion: 7.3.4-1\n" +
		"Depends: dracut | linux-initramfs-tool, linux-base" + suffix + " (= 7.3.4-1), linux-binary-7.3.4" + suffix + " (= 7.3.4-1), " +
		"linux-modules-7.3.4" + suffix + " (= 7.3.4-1), linux-image-7.3.3" + suffix + " (= 7.3.3-1), linux-headers-7.3.4-common (= 7.3.4-1)\n\n" +
		"Package: linux-image" + suffix + "\nVersion: 7.3.4-1\nDepends: linux-extra-7.3.4" + suffix + " (= 7.3.4-1)\n"
	assert.Equal(t, []string{"linux-binary-7.3.4" + suffix, "linux-modules-7.3.4" + suffix}, parts(text, "7.3.4-1"))
	assert.Empty(t, parts("Package: x\nVersion: 1\n", "1"))
}

func TestWhatAptCallsAnError(t *testing.T) {
	err := &failedError{"apt-get", "W: of no concern\nE: Failed to fetch a\nE: Some index files failed\n", assert.AnError}
	assert.EqualError(t, err, "apt-get: Failed to fetch a")
	assert.EqualError(t, &failedError{"dpkg-deb", "dpkg-deb: error: no archive\n", assert.AnError}, "dpkg-deb: error: no archive")
	assert.EqualError(t, &failedError{"tar", "", assert.AnError}, "tar: "+assert.AnError.Error())
}

func TestTheMachinesSources(t *testing.T) {
	requireProgram(t, "apt-get")
	text, err := output(t.Context(), "", "apt-get", "indextargets", "--format", targetFormat)
	require.NoError(t, err)
	for _, m := range parseTargets(text) {
		assert.Contains(t, m.uri, ":/")
	}
}
