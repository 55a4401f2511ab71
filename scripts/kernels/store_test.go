package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func emptyStore(t *testing.T) *store {
	t.Helper()
	s, err := openStore(t.TempDir(), io.Discard)
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

func fill(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "vmlinuz"), []byte("kernel"), 0o644),
		os.MkdirAll(filepath.Join(dir, "source"), 0o755),
		os.WriteFile(filepath.Join(dir, "source", "main.c"), nil, 0o644),
	)
}

func TestAnEntryIsVerified(t *testing.T) {
	s := emptyStore(t)
	_, there, err := s.find("k")
	require.NoError(t, err)
	require.False(t, there)

	dir, err := s.make(t.Context(), "k", 1, false, fill)
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(dir, sumsName))
	require.NoError(t, err)
	assert.Equal(t, "6923dd1bc0460082c5d55a831908c24a282860b7f1cd6c2b79cf1bc8857c639c", string(sums[:64]))
	assert.NotContains(t, string(sums), "main.c")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.dep"), nil, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "of-others"), 0o755))
	names, err := s.entries()
	require.NoError(t, err)
	assert.Equal(t, []string{"k"}, names)
	found, there, err := s.find("k")
	require.NoError(t, err)
	assert.True(t, there)
	assert.Equal(t, dir, found)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "vmlinuz"), []byte("another"), 0o644))
	_, _, err = s.find("k")
	assert.ErrorContains(t, err, "vmlinuz is not what was stored; remove "+dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, sumsName), nil, 0o644))
	_, _, err = s.find("k")
	assert.ErrorContains(t, err, "is empty")
}

func TestAnEntryIsWholeOrNot(t *testing.T) {
	s := emptyStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.make(ctx, "k", 1, false, func(dir string) error {
		cancel()
		return fill(dir)
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.make(t.Context(), "k", 1, false, func(dir string) error { return errors.Join(fill(dir), io.ErrUnexpectedEOF) })
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = s.make(t.Context(), "k", 1<<62, false, fill)
	require.ErrorContains(t, err, "MB free")
	entries, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "but the lock")

	dir, err := s.make(t.Context(), "k", 1, false, fill)
	require.NoError(t, err)
	_, err = s.make(t.Context(), "k", 1, true, func(work string) error {
		assert.FileExists(t, filepath.Join(work, "source", "main.c"))
		assert.NoDirExists(t, dir)
		return nil
	})
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(dir, "source", "main.c"))

	_, err = s.make(t.Context(), "k", 1, true, func(work string) error { return io.ErrUnexpectedEOF })
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, there, err := s.find("k")
	require.NoError(t, err)
	assert.True(t, there, "what was there before stays")
}

func TestOneProgramMakesEntries(t *testing.T) {
	s := emptyStore(t)
	_, err := s.make(t.Context(), "k", 1, false, fill)
	require.NoError(t, err)
	left := filepath.Join(s.dir, unfinished+"other")
	require.NoError(t, os.Mkdir(left, 0o755))

	other, err := openStore(s.dir, io.Discard)
	require.NoError(t, err)
	t.Cleanup(other.close)
	_, there, err := other.find("k")
	require.NoError(t, err)
	assert.True(t, there)
	_, err = other.make(t.Context(), "l", 1, false, fill)
	require.ErrorContains(t, err, "another run of kernels makes one")
	assert.DirExists(t, left)

	s.close()
	_, err = other.make(t.Context(), "l", 1, false, fill)
	require.NoError(t, err)
	assert.NoDirExists(t, left)
}
