package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var mutant = patch{name: "m", says: "It is broken.", path: "m.patch", caught: []expectation{{"TestZ", "", []how{end}}}}

func TestWhatIsWrong(t *testing.T) {
	caught, elsewhere := []failure{{test: "TestZ", family: "IPv4", how: end}}, []failure{{test: "TestA", family: "IPv4", how: end}}
	control := patch{name: "c", says: "Nothing.", path: "c.patch"}
	for want, r := range map[string]result{
		"":                                  {patch: mutant, full: caught},
		"survived":                          {patch: mutant, short: caught},
		"was not caught by TestZ (end)":     {patch: mutant, full: elsewhere},
		"is harmless, and was caught":       {patch: control, short: caught},
		"applying the patch: exit status 1": {patch: control, err: errors.New("applying the patch: exit status 1")},
	} {
		assert.Equal(t, want, r.wrong())
	}
	assert.Empty(t, result{patch: control}.wrong())
	assert.NoError(t, summary([]result{{patch: control}}))
	assert.EqualError(t, summary([]result{{patch: mutant}, {patch: control}}), "1 of 2 kernels were not judged as they should be")
}

func TestTheRowOfAMutant(t *testing.T) {
	assert.Equal(t, "none", mutant.caughtBy(nil))
	failures := []failure{
		{test: "TestA", family: "IPv6", how: end}, {test: "TestA", family: "IPv6", how: deadline},
		{test: "TestZ", family: "IPv6", how: end}, {test: "TestZ", family: "IPv4", how: end},
	}
	assert.Equal(t, "2: TestZ (end), TestA/IPv6 (deadline, end)", mutant.caughtBy(failures))
	for _, test := range []string{"TestB", "TestC", "TestD", "TestE", "TestF"} {
		failures = append(failures, failure{test: test, family: "IPv6", how: end})
	}
	assert.Regexp(t, `^7: TestZ \(end\), TestA/IPv6 .* TestE/IPv6 \(end\), and 1 more$`, mutant.caughtBy(failures))
}

// The page has a row for each patch as it is, and names the cases that must catch it.
func TestThePageIsComplete(t *testing.T) {
	patches, err := readPatches("patches")
	require.NoError(t, err)
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if name, row, found := strings.Cut(strings.TrimPrefix(line, "| "), " | "); found {
			rows[name] = row
		}
	}
	for _, p := range patches {
		row, found := strings.CutPrefix(rows[p.name], p.says+" | ")
		_, full, _ := strings.Cut(row, " | ")
		assert.True(t, found, "%s has no row, or another text", p.name)
		assert.Equal(t, p.control(), strings.HasPrefix(full, "none"), p.name)
		for _, e := range p.caught {
			assert.Contains(t, full, e.test, p.name)
		}
	}
}

func TestWritePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	results := []result{{patch: mutant, full: []failure{{test: "TestZ", family: "IPv4", how: end}}}}
	assert.ErrorContains(t, writePage(path, results), "reading the page")
	require.NoError(t, os.WriteFile(path, []byte("# Mutants\n"), 0o644))
	assert.ErrorContains(t, writePage(path, results), "has no lines")
	require.NoError(t, os.WriteFile(path, []byte("# Mutants\n"+tableBegins+"old\n"+tableEnds+"end\n"), 0o644))
	require.NoError(t, writePage(path, results))
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "# Mutants\n"+tableBegins+"| mutant | what it breaks | caught in `-short` by | caught in full by |\n|---|---|---|---|\n"+
		"| m | It is broken. | none | 1: TestZ/IPv4 (end) |\n"+tableEnds+"end\n", string(page))
}
