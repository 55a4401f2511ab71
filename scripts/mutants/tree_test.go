package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/finwait/finwait/scripts/uml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is a source of one file, and a patch of it.
func sample(t *testing.T) (tree, patch) {
	t.Helper()
	requirePatch(t)
	dir := t.TempDir()
	source := tree{Tree: uml.In(filepath.Join(dir, "own"), 250), pristine: uml.In(filepath.Join(dir, "pristine"), 250)}
	p := patch{path: filepath.Join(dir, "p.patch"), file: "net/ipv4/tcp.c"}
	for _, of := range []uml.Tree{source.Tree, source.pristine} {
		path := filepath.Join(of.Source, p.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("a\nb\nd\n"), 0o644))
	}
	require.NoError(t, os.WriteFile(p.path, []byte("Breaks: It is broken.\n"+change), 0o644))
	return source, p
}

func requireText(t *testing.T, source tree, p patch, want string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(source.Source, p.file))
	require.NoError(t, err)
	require.Equal(t, want, string(text))
}

func TestApplyAndUndo(t *testing.T) {
	source, p := sample(t)
	undo, err := source.apply(t.Context(), p)
	require.NoError(t, err)
	requireText(t, source, p, "a\nc\nd\n")
	require.NoError(t, undo())
	requireText(t, source, p, "a\nb\nd\n")
}

func TestAPatchThatDoesNotApply(t *testing.T) {
	source, p := sample(t)
	path := filepath.Join(source.Source, p.file)
	require.NoError(t, os.WriteFile(path, []byte("x\ny\nz\n"), 0o644))
	_, err := source.apply(t.Context(), p)
	require.ErrorContains(t, err, "applying the patch")
	requireText(t, source, p, "x\ny\nz\n")
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "neither .rej nor .orig")
}

func TestWhatAKilledRunLeft(t *testing.T) {
	source, p := sample(t)
	_, err := source.apply(t.Context(), p)
	require.NoError(t, err)
	require.NoError(t, source.restore())
	requireText(t, source, p, "a\nb\nd\n")
	require.NoError(t, source.restore(), "nothing is left")
	requireText(t, source, p, "a\nb\nd\n")
}
