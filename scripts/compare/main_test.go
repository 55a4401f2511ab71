package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// saved writes a run as results.json in a directory of its own.
func saved(t *testing.T, run report.Run) (dir string) {
	t.Helper()
	dir = t.TempDir()
	file, err := os.Create(filepath.Join(dir, "results.json"))
	require.NoError(t, err)
	require.NoError(t, run.Write(file))
	require.NoError(t, file.Close())
	return dir
}

func of(result report.Result) report.Run {
	return report.Run{Kernel: "6.18.44", HZ: 250, Labs: []report.Lab{{Test: "TestA/IPv4", Title: "a lab", Result: result}}}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	passed, failed := saved(t, of(report.Passed)), saved(t, of(report.Failed))
	malformed := filepath.Join(t.TempDir(), "malformed.json")
	require.NoError(t, os.WriteFile(malformed, []byte(`{"version":1,`), 0o600))
	future := filepath.Join(t.TempDir(), "future.json")
	require.NoError(t, os.WriteFile(future, []byte(`{"version":99}`), 0o600))
	list := filepath.Join(t.TempDir(), "list.json")
	require.NoError(t, os.WriteFile(list, []byte(`[]`), 0o600))
	empty := t.TempDir()
	other := of(report.Passed)
	other.Kernel = "6.12.1"
	unlike := saved(t, other)

	for name, test := range map[string]struct {
		args         []string
		want         int
		says, errors string
	}{
		"no change":          {args: []string{passed, passed}, want: 0, says: "1 lab: 1 the same\n"},
		"a file":             {args: []string{filepath.Join(passed, "results.json"), passed}, want: 0, says: "1 lab: 1 the same\n"},
		"worse":              {args: []string{passed, failed}, want: 1, says: "worse        a lab\n"},
		"better":             {args: []string{failed, passed}, want: 0, says: "better       a lab\n"},
		"worse in the third": {args: []string{passed, passed, failed}, want: 1, says: "1 lab: 0 agree, 1 differ\n"},
		"fails on both":      {args: []string{failed, failed}, want: 0, says: "1 lab: 1 the same (1 failed or inconclusive in both)\n"},
		"fails on a kernel":  {args: []string{failed, unlike}, want: 1, says: "better       a lab\n"},
		"another kernel":     {args: []string{passed, unlike}, want: 0, says: "1 lab: 1 the same\n"},
		"fails everywhere":   {args: []string{failed, failed, failed}, want: 1, says: "1 lab: 1 agree (1 failed or inconclusive in all), 0 differ\n"},
		"one is missing":     {args: []string{"-markdown", passed, "nowhere", unlike}, want: 2, says: "### ✗ finwait: 1 lab: 1 the same; no result of nowhere\n", errors: "finwait: nowhere: no such file or directory\n"},
		"one is malformed":   {args: []string{passed, unlike, malformed}, want: 2, says: "1 lab: 1 the same; no result of " + malformed + "\n", errors: "finwait: " + malformed + ": truncated"},
		"one is there":       {args: []string{passed, "nowhere", "x"}, want: 2, says: "1 lab and nothing to compare with; no result of nowhere, x\n", errors: "finwait: nowhere: no such file or directory\nfinwait: x: no such"},
		"none is there":      {args: []string{"-markdown", "x", "y", "z"}, want: 2, says: "### ✗ finwait: no result of x, y, z\n", errors: "finwait: none of the 3 files can be read: x: no such file or directory\n"},
		"no page":            {args: []string{"-page", "nowhere/x.html", passed, passed}, want: 2, says: "1 the same", errors: "finwait: writing the page: open nowhere/x.html: no such file or directory\n"},
		"Markdown":           {args: []string{"-markdown", passed, failed}, want: 1, says: "| worse | a lab |"},
		"one file":           {args: []string{passed}, want: 2, errors: "finwait: compare needs two files or more\n"},
		"an empty name":      {args: []string{passed, ""}, want: 2, errors: "finwait: compare needs two files or more\n"},
		"a device":           {args: []string{passed, "/dev/zero"}, want: 2, errors: "finwait: /dev/zero: is a device, and no results.json\n"},
		"another file":       {args: []string{passed, os.Args[0]}, want: 2, errors: "finwait: " + os.Args[0] + ": malformed JSON in line 1, at byte 1: "},
		"a list":             {args: []string{passed, list}, want: 2, errors: "finwait: " + list + ": not a report of finwait: it says no version\n"},
		"an unknown flag":    {args: []string{"-html", passed, passed}, want: 2, errors: "flag provided but not defined: -html\nusage: compare"},
		"help":               {args: []string{"-h"}, want: 0, errors: "usage: compare [-markdown] [-page FILE] A.json B.json [C.json …]\n"},
		"no such file":       {args: []string{passed, "nowhere.json"}, want: 2, errors: "finwait: nowhere.json: no such file or directory\n"},
		"an empty directory": {args: []string{passed, empty}, want: 2, errors: "finwait: " + filepath.Join(empty, "results.json") + ": no such file or directory\n"},
		"a truncated file":   {args: []string{malformed, passed}, want: 2, errors: "finwait: " + malformed + ": truncated: the report ends too early, in line 1, at byte 13\n"},
		"a newer file":       {args: []string{passed, future}, want: 2, errors: "finwait: " + future + ": version 99 is newer than this finwait reads (1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			assert.Equal(t, test.want, run(test.args, &out, &errs))
			assert.Contains(t, out.String(), test.says)
			assert.Contains(t, errs.String(), test.errors)
			assert.Equal(t, test.says == "", out.Len() == 0)
			assert.Equal(t, test.errors == "", errs.Len() == 0, errs.String())
		})
	}
}

type full struct{}

var errFull = errors.New("the disk is full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	t.Parallel()
	passed := saved(t, of(report.Passed))
	var errs bytes.Buffer
	assert.Equal(t, refused, run([]string{passed, passed}, full{}, &errs))
	assert.Equal(t, "finwait: printing the comparison: the disk is full\n", errs.String())
}
