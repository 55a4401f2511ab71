package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// madison is what apt-cache prints, shortened.
const madison = `linux-image-cloud-amd64 | 7.4~rc1-1~exp1 | http://mirror.example/debian experimental/main amd64 Packages
linux-image-cloud-amd64 | 7.3.4-1~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages
linux-image-cloud-amd64 | 7.3~rc7-1~exp1 | http://mirror.example/debian experimental/main amd64 Packages
linux-image-cloud-amd64 | 6.12.117-1 | http://mirror.example/debian-security trixie-security/main amd64 Packages
linux-image-cloud-amd64 | 6.12.117-1 | http://mirror.example/debian trixie/main amd64 Packages
linux-image-cloud-amd64 | 6.12.95-1~bpo12+1 | http://mirror.example/debian bookworm-backports/main amd64 Packages
linux-image-cloud-amd64 |  6.1.192-2 | http://mirror.example/debian-security bookworm-security/main amd64 Packages
linux-image-cloud-amd64 |  6.1.192-2 | http://mirror.example/debian-security bookworm-security/main Sources
`

func TestMadison(t *testing.T) {
	offers, err := parseMadison(madison)
	require.NoError(t, err)
	require.Len(t, offers, 7)
	assert.Equal(t, offer{"6.1.192-2", "bookworm-security"}, offers[6])
	_, err = parseMadison("N: Unable to locate package\n")
	assert.ErrorContains(t, err, "Unable to locate")
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]struct {
		upstream, series string
		candidate        bool
	}{
		"6.12.95-1~bpo12+1": {"6.12.95", "6.12", false},
		"7.3~rc7-1~exp1":    {"7.3~rc7", "7.3", true},
		"5.10.262-1":        {"5.10.262", "5.10", false},
		"native":            {"native", "", false},
	} {
		o := offer{version: version}
		assert.Equal(t, want.upstream, o.upstream())
		assert.Equal(t, want.series, o.series())
		assert.Equal(t, want.candidate, o.candidate(), version)
	}
}

func TestChoose(t *testing.T) {
	offers, err := parseMadison(madison)
	require.NoError(t, err)
	for want, version := range map[string]string{
		newest: "7.3.4-1~bpo13+1", "7.3": "7.3.4-1~bpo13+1", "7.3~rc7": "7.3~rc7-1~exp1", "7.4": "7.4~rc1-1~exp1",
		"6.12": "6.12.117-1", "6.12.95": "6.12.95-1~bpo12+1", "6": "6.12.117-1",
	} {
		o, err := choose(offers, want)
		require.NoError(t, err, want)
		assert.Equal(t, version, o.version, want)
	}
	for _, want := range []string{"6.11", "6.1.19", "6.12.95-1"} { // 6.1.19 is no beginning of 6.1.192
		_, err := choose(offers, want)
		assert.ErrorContains(t, err, "but 7.4, 7.3, 7.3~rc7, 6.12, 6.12.95, 6.1", want)
	}
	_, err = choose(nil, newest)
	assert.ErrorContains(t, err, "no kernels at all")
}

func TestAsked(t *testing.T) {
	for _, want := range []string{newest, "6", "6.12", "6.12.95", "7.3~rc7"} {
		assert.NoError(t, checkAsked(want))
	}
	for _, want := range []string{"", "../..", "6.", "6.12/..", "v6.12", "bookworm", "6.12.95-1"} {
		assert.ErrorContains(t, checkAsked(want), "is no version")
	}
}
