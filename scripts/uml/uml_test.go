package uml

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHZComesFirst(t *testing.T) {
	text, err := withHZ("# a comment\nmainmenu \"Linux\"\n\nsource \"init/Kconfig\"\n", 1000)
	require.NoError(t, err)
	assert.Equal(t, "# a comment\nmainmenu \"Linux\"\n\nconfig HZ\n\tint\n\tdefault 1000\n\nsource \"init/Kconfig\"\n", text)
	_, err = withHZ("source \"init/Kconfig\"\n", 250)
	assert.ErrorContains(t, err, "0 lines of mainmenu")
}

func TestWhatAConfigurationLacks(t *testing.T) {
	var config strings.Builder
	config.WriteString("#\nCONFIG_HZ=250\n")
	for _, symbol := range needed {
		assert.Contains(t, Fragment, "\nCONFIG_"+symbol+"=y\n")
		fmt.Fprintf(&config, "CONFIG_%s=y\n", symbol)
	}
	assert.Empty(t, lacking([]byte(config.String()), 250))
	assert.Equal(t, []string{"HZ=1000"}, lacking([]byte(config.String()), 1000))
	without := strings.Replace(config.String(), "CONFIG_VETH=y", "# CONFIG_VETH is not set", 1)
	assert.Equal(t, []string{"VETH"}, lacking([]byte(without), 250))
}

func TestAChangedConfigurationIsMadeAnew(t *testing.T) {
	tree := Tree{Build: filepath.Join(t.TempDir(), "build")}
	config := filepath.Join(tree.Build, ".config")
	for _, want := range []struct {
		text    string
		changed bool
	}{{"a", true}, {"a", false}, {"b", true}} {
		changed, err := tree.update("x", want.text)
		require.NoError(t, err)
		assert.Equal(t, want.changed, changed)
		if changed {
			assert.NoFileExists(t, config)
		}
		require.NoError(t, os.WriteFile(config, nil, 0o644))
	}
}

func TestWhatIsNoSource(t *testing.T) {
	dir := t.TempDir()
	_, err := Tree{Source: dir, Build: filepath.Join(dir, "build"), HZ: 250}.kconfig()
	assert.EqualError(t, err, dir+" is no source of Linux: it has no Kconfig")
}

func TestAFailedProgramShowsItsEnd(t *testing.T) {
	var log bytes.Buffer
	err := run(t.Context(), &log, "trying", t.TempDir(), "sh", "-c", "seq 100; echo 'x.c:1: error' >&2; exit 3")
	var failed *BuildError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Last, lastLines)
	assert.Equal(t, "x.c:1: error", failed.Last[lastLines-1])
	assert.Contains(t, log.String(), "1\n2\n")
	assert.ErrorContains(t, err, "trying: exit status 3\n82\n83\n")

	require.NoError(t, run(t.Context(), io.Discard, "asking", "", "sh", "-c", "read answer && test -z $answer"))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, run(ctx, io.Discard, "trying", "", "sleep", "1000"), context.Canceled)
}

func TestAMakeThatRunsUsIsNotHeard(t *testing.T) {
	t.Setenv("MAKEFLAGS", "-n")
	t.Setenv("ARCH", "arm64")
	for _, entry := range environment() {
		assert.NotRegexp(t, "^(MAKEFLAGS|ARCH)=", entry)
	}
}
