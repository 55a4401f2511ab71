package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No case is vacuous: for each there is a mistake that makes it fail. A new case
// needs a row in timedMistakes or in untimedMistakes.
func TestMistakesCoverCases(t *testing.T) {
	t.Parallel()
	named, shows := map[string]bool{}, tests(t, "mistakes_*test.go")
	row := func(cases []string, shownBy string) {
		for _, name := range cases {
			named[name] = true
		}
		if shownBy != "" {
			assert.Contains(t, shows, shownBy, "the row of %s", strings.Join(cases, ", "))
		}
	}
	for _, mistake := range timedMistakes {
		row(mistake.cases, mistake.shownBy)
	}
	for _, mistake := range untimedMistakes {
		row(mistake.cases, mistake.shownBy)
	}

	cases := tests(t, filepath.Join("..", "cases", "*_test.go"))
	for _, name := range cases {
		assert.True(t, named[name], "no mistake makes %s fail: add a row", name)
		delete(named, name)
	}
	assert.Empty(t, named, "rows of cases that there are not")
}

// tests are the test functions of the files that the pattern matches.
func tests(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths, pattern)
	var names []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
				names = append(names, f.Name.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}
