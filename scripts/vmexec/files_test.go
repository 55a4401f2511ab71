package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file boots guests to see which files they have, and which they bring back.

// ownSettings is a flag that the cases have, too.
var ownSettings = flag.String("settings", "", "a file that the guest is to have")

func TestGuestReads(t *testing.T) {
	if *inGuest {
		for _, path := range []string{"testdata/golden", "../go.mod", filepath.Join("..", *ownSettings)} {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "of the host", string(text), path)
		}
	}
}

func TestGuestWrites(t *testing.T) {
	if *inGuest {
		require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), "artifact"), []byte("from the guest"), 0o644))
		t.Fail()
	}
}

// The guest has the files of a checkout that is reached through a link.
func TestLinkedCheckout(t *testing.T) {
	checkout := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(checkout, "cases/testdata"), 0o755))
	for _, path := range []string{"go.mod", "my.conf", "cases/testdata/golden"} {
		require.NoError(t, os.WriteFile(filepath.Join(checkout, path), []byte("of the host"), 0o644))
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(checkout, link))
	command := vmexec(t, patience, "-test.run=GuestReads", "-settings=my.conf")
	command.Dir = filepath.Join(link, "cases") // and so is PWD
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestBringsBack(t *testing.T) {
	dir := t.TempDir()
	out, err := vmexec(t, patience, "-test.run=GuestWrites", "-test.artifacts", "-test.outputdir="+dir).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	assert.Equal(t, 1, exit.ExitCode(), "%s", out)
	found, err := filepath.Glob(filepath.Join(dir, "_artifacts", "*", "*", "*", "artifact"))
	require.NoError(t, err)
	if len(found) == 0 {
		found, err = filepath.Glob(filepath.Join(dir, "_artifacts", "*", "artifact"))
		require.NoError(t, err)
	}
	require.Len(t, found, 1, "%s", out)
}

// The cases leave on the host what they would without a guest.
func TestBringsBackReport(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "cases.test")
	command := vmexecOf(t, patience, binary, "-test.run=^TestLastAckReaped$", "-test.short", "-report="+filepath.Join(dir, "report"),
		"-test.outputdir="+dir, "-test.coverprofile="+filepath.Join(dir, "cover.out"), "-test.cpuprofile=cpu.out")
	command.Dir = filepath.Join("..", "..", "cases")
	build := exec.Command("go", "test", "-c", "-cover", "-coverpkg=../harness/tcp", "-o", binary)
	build.Dir, build.Env = command.Dir, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	out, err = command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for path, holds := range map[string]string{
		"report/index.html":   "<html",
		"report/results.json": "LastAckReaped",
		"cover.out":           "/harness/tcp/",
		"cpu.out":             "\x1f\x8b", // it is packed with gzip
	} {
		text, err := os.ReadFile(filepath.Join(dir, path))
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(text), holds, path)
	}
}
