package scripts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// eachNode visits the nodes of every Go file of the module.
func eachNode(t *testing.T, visit func(path string, node ast.Node)) {
	t.Helper()
	looked := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		looked++
		ast.Inspect(file, func(node ast.Node) bool {
			visit(path, node)
			return true
		})
		return nil
	}))
	require.Greater(t, looked, 200)
}

// Package netns alone makes and enters network namespaces; its own tests say
// which. Whoever else could would go past its guard. What labs are measured
// against does without the package, in namespaces of its own making.
func TestNetnsAloneEntersNamespaces(t *testing.T) {
	calls := []string{"Setns", "Unshare", "CLONE_NEWNET", "Cloneflags", "Unshareflags", "SYS_SETNS", "SYS_UNSHARE"}
	eachNode(t, func(path string, node ast.Node) {
		if strings.HasPrefix(path, "../netns/") || strings.HasPrefix(path, "../harness/bench_") {
			return
		}
		if name, is := node.(*ast.Ident); is {
			assert.NotContains(t, calls, name.Name, path)
		}
	})
}

// A test that is stored is failed when another is meant, or when it is over. One
// that is embedded is a stand-in.
func TestNoTestIsStored(t *testing.T) {
	tests := []string{"testing.TB", "*testing.T", "*testing.B", "*testing.F"}
	eachNode(t, func(path string, node ast.Node) {
		structure, is := node.(*ast.StructType)
		if !is {
			return
		}
		for _, field := range structure.Fields.List {
			stored := len(field.Names) > 0 && slices.Contains(tests, types.ExprString(field.Type))
			assert.False(t, stored, "%s stores a test", path)
		}
	})
}
