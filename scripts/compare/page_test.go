package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page leads to those of the runs, from where it is.
func TestPage(t *testing.T) {
	t.Parallel()
	passed, failed := saved(t, of(report.Passed)), saved(t, of(report.Failed))
	for _, dir := range []string{passed, failed} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o600))
	}
	kept := filepath.Join(t.TempDir(), "kept.json")
	text, err := os.ReadFile(filepath.Join(passed, "results.json"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kept, text, 0o600))

	page := filepath.Join(filepath.Dir(passed), "matrix.html")
	assert.Equal(t, changed, run([]string{"-page", page, passed, filepath.Join(failed, "results.json"), kept}, io.Discard, io.Discard))
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, dir := range []string{passed, failed} {
		assert.Contains(t, string(written), `href="`+filepath.Base(dir)+`/index.html#TestA/IPv4"`)
	}
	assert.Contains(t, string(written), "<dt>"+kept+"</dt>", "it has no page")
	assert.Contains(t, string(written), `<h1 class="bad">1 lab: 0 agree, 1 differ</h1>`)
}

func TestLinksAreEscaped(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "6.12 #2")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	link, err := linkFrom(home, dir)
	require.NoError(t, err)
	assert.Empty(t, link)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o600))
	link, err = linkFrom(filepath.Join(home, "pages"), dir)
	require.NoError(t, err)
	assert.Equal(t, "../6.12%20%232/index.html", link)
}
