package scripts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Package netns alone makes and enters network namespaces; its own tests say
// which. Whoever else could would go past its guard. What labs are measured
// against does without the package, in namespaces of its own making.
func TestNetnsAloneEntersNamespaces(t *testing.T) {
	calls := []string{"Setns", "Unshare", "CLONE_NEWNET", "Cloneflags", "Unshareflags", "SYS_SETNS", "SYS_UNSHARE"}
	looked := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasPrefix(path, "../netns/") || strings.HasPrefix(path, "../harness/bench_") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		looked++
		ast.Inspect(file, func(node ast.Node) bool {
			if name, is := node.(*ast.Ident); is {
				assert.NotContains(t, calls, name.Name, path)
			}
			return true
		})
		return nil
	}))
	assert.Greater(t, looked, 100)
}
