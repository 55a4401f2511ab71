package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store writes what was found on a kernel.
func store(t *testing.T, dir, name string, run report.Run) kernel {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	file, err := os.Create(filepath.Join(dir, name, "results.json"))
	require.NoError(t, err)
	require.NoError(t, run.Write(file))
	require.NoError(t, file.Close())
	return kernel{name: name}
}

func found(release string, result report.Result) report.Run {
	return report.Run{Kernel: release, HZ: 250, Labs: []report.Lab{
		{Test: "TestA/IPv4", Title: "A, IPv4", Family: "IPv4", Result: report.Passed},
		{Test: "TestB/IPv4", Title: "B, IPv4", Family: "IPv4", Result: result, Reason: "needs tcp_rto_max_ms, which kernels have since Linux 6.15"},
	}}
}

func TestConclude(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kernels := []kernel{
		store(t, dir, "debian-7.3", found("7.3.4", report.Passed)),
		store(t, dir, "debian-6.1", found("6.1.0", report.Skipped)),
		store(t, dir, "host", found("6.18.44", report.Passed)),
	}
	var out bytes.Buffer
	require.NoError(t, conclude(dir, kernels, nil, nil, &out))
	assert.Contains(t, out.String(), "lab      6.1.0  6.18.44  7.3.4  why\nB, IPv4  –      ✓        ✓      tcp_rto_max_ms is new (Linux 6.15)\n", "in the order of the releases")
	assert.FileExists(t, filepath.Join(dir, "index.html"))
	assert.ErrorContains(t, conclude(dir, kernels, nil, []string{"host"}, &out), "the cases failed on [host]")

	unexplained := append(kernels, store(t, dir, "debian-7.4", found("7.4.1", report.Skipped)))
	assert.ErrorContains(t, conclude(dir, unexplained, nil, nil, &out), "1 labs differ")
	assert.ErrorContains(t, conclude(dir, append(kernels, kernel{name: "gone"}), nil, nil, &out), "there is no result of gone")
	assert.Contains(t, out.String(), "; no result of gone\n")

	require.EqualError(t, conclude(dir, kernels, []string{"debian-5.10"}, nil, &out), "no kernel: debian-5.10")
	assert.Contains(t, out.String(), "2 labs: 1 agree, 1 differ; no result of debian-5.10\n", "the others are compared")
	require.EqualError(t, conclude(dir, nil, []string{"debian-5.10", "debian-6.1"}, nil, &out), "no kernel: debian-5.10, debian-6.1")
}

// A kernel that Debian has no more keeps none of the others from being run.
func TestFind(t *testing.T) {
	t.Parallel()
	var told, out bytes.Buffer
	s := suite{told: &told, kernels: filepath.Join(t.TempDir(), "kernels")}
	const script = `#!/bin/sh
case $2 in
*:5.10) echo fetching >&2; echo "finwait: no suite of the mirror has it" >&2; exit 1 ;;
*:odd) echo nothing ;;
*:newest) echo getting; echo "-kernel qemu:/x/debian-6.1/vmlinuz -modules /x/debian-6.1/modules/6.1.0" ;;
*) echo "-kernel qemu:/x/debian-${2#debian:}/vmlinuz -modules /x/m" ;;
esac
`
	require.NoError(t, os.WriteFile(s.kernels, []byte(script), 0o700))
	found, lacking := s.find(t.Context(), []string{"5.10", "6.1", "odd", "newest", "host"}, &out)
	assert.Equal(t, []kernel{
		{"debian-6.1", []string{"-kernel", "qemu:/x/debian-6.1/vmlinuz", "-modules", "/x/m"}}, {name: "host"},
	}, found)
	assert.Equal(t, []string{"debian-5.10", "debian-odd"}, lacking)
	assert.Equal(t, `FAIL  debian-5.10: no kernel: getting Linux 5.10 of Debian: exit status 1: no suite of the mirror has it
FAIL  debian-odd: no kernel: getting Linux odd of Debian: scripts/kernels says "nothing\n", and no kernel
`, out.String())
	assert.Equal(t, "fetching\nfinwait: no suite of the mirror has it\n", told.String())
}

// What an earlier run has found is neither taken for this one's, nor in its way.
func TestEmptied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := store(t, dir, "host", found("6.18.44", report.Passed))
	require.NoError(t, emptied(filepath.Join(dir, k.name)))
	entries, err := os.ReadDir(filepath.Join(dir, k.name))
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestTold(t *testing.T) {
	t.Parallel()
	k, took := kernel{name: "debian-6.1"}, 90*time.Second
	assert.Equal(t, "ok    debian-6.1: Linux 6.1.0, 2 labs, 0 judged, 0 failed, 0 inconclusive, 1 skipped, in 90 s",
		told(k, found("6.1.0", report.Skipped), nil, nil, took))
	broken := errors.New("exit status 1\n")
	assert.Contains(t, told(k, found("6.1.0", report.Failed), nil, broken, took), "FAIL  debian-6.1: Linux 6.1.0, 2 labs, 0 judged, 1 failed, 0 inconclusive, 0 skipped, in 90 s\n      failed: TestB/IPv4")
	assert.Contains(t, told(k, found("6.1.0", report.Passed), nil, errors.New("exit status 1\nthe kernel complained"), took), "\n      the kernel complained")
	assert.Equal(t, "FAIL  debian-6.1: no result after 90 s: exit status 125\n      no console", told(k, report.Run{}, os.ErrNotExist, errors.New("exit status 125\nno console"), took))
}

func TestParse(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	settings := filepath.Join(t.TempDir(), "my.conf")
	require.NoError(t, os.WriteFile(settings, nil, 0o644))
	opts, err := parse([]string{"-kernels", "6.1,host", "-settings", settings, "-run", "Own"}, &told)
	require.NoError(t, err)
	assert.Equal(t, options{[]string{"6.1", "host"}, []string{"-settings=" + settings, "-test.run=Own"}}, opts)
	_, err = parse([]string{"-settings", settings + "x"}, &told)
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, wrong := range [][]string{{"-nothing"}, {"file"}} {
		_, err = parse(wrong, &told)
		require.ErrorIs(t, err, errUsage)
	}
	_, err = parse([]string{"-h"}, &told)
	require.ErrorIs(t, err, flag.ErrHelp)
}
