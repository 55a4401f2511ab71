package netns

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sources are the files of the package without its tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NotEmpty(t, files)
	return files
}

// There is no way to name a namespace: what the package exports takes neither a
// path nor a process nor a descriptor, and a namespace comes from New and NewEach alone.
func TestNoNamespaceCanBeNamed(t *testing.T) {
	// Text is the name and the value of a sysctl, whose guard has tests of its own.
	takesText := map[string]bool{
		"SetSysctl(name string)": true, "SetSysctl(value string)": true,
		"SetSysctls(values map[string]string)": true, "NewEach(sysctls map[string]string)": true,
	}
	harmless := map[string]bool{
		"*Namespace": true, "End": true, "func() error": true, "...func() error": true,
		"net.HardwareAddr": true, "[]netip.Prefix": true, // of struct End
	}
	var makers []string
	exported := 0
	for _, file := range sources(t) {
		for _, field := range exportedFields(file) {
			exported++
			kind := types.ExprString(field.Type)
			assert.True(t, harmless[kind], "a field of type %s could name a namespace", kind)
		}
		for _, declaration := range file.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if !is || !function.Name.IsExported() {
				continue
			}
			exported++
			for _, field := range function.Type.Params.List {
				kind := types.ExprString(field.Type)
				for _, name := range field.Names {
					if !takesText[function.Name.Name+"("+name.Name+" "+kind+")"] {
						assert.True(t, harmless[kind], "%s takes %s %s, which could name a namespace", function.Name.Name, name.Name, kind)
					}
				}
			}
			if results := function.Type.Results; results != nil && strings.Contains(types.ExprString(results.List[0].Type), "Namespace") {
				makers = append(makers, function.Name.Name)
			}
		}
	}
	assert.Equal(t, []string{"New", "NewEach"}, makers)
	assert.Greater(t, exported, 10, "everything was looked at")
}

// exportedFields are those of the exported structs of a file.
func exportedFields(file *ast.File) (fields []*ast.Field) {
	ast.Inspect(file, func(node ast.Node) bool {
		named, is := node.(*ast.TypeSpec)
		if !is || !named.Name.IsExported() {
			return true
		}
		structure, is := named.Type.(*ast.StructType)
		if !is {
			return true
		}
		for _, field := range structure.Fields.List {
			if len(field.Names) == 0 || field.Names[0].IsExported() {
				fields = append(fields, field)
			}
		}
		return true
	})
	return fields
}

// Nor does the package itself look one up: of the library it makes namespaces
// and enters those that it made, and it calls the kernel for no others.
func TestNoNamespaceIsLookedUp(t *testing.T) {
	used := map[string]map[string]bool{"netns": {}, "netlink": {}, "nl": {}, "unix": {}}
	for _, file := range sources(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			selector, is := node.(*ast.SelectorExpr)
			if !is {
				return true
			}
			if library, is := selector.X.(*ast.Ident); is && used[library.Name] != nil {
				used[library.Name][selector.Sel.Name] = true
			}
			return true
		})
	}
	assert.Equal(t, map[string]bool{"New": true, "None": true, "NsHandle": true, "Set": true}, used["netns"])
	// No calls, which would work in the namespace of the caller.
	for name := range used["netlink"] {
		assert.Contains(t, []string{"LinkOperState", "Ndmsg", "NUD_PERMANENT", "OperUp"}, name)
	}
	// They make messages, and read them.
	for name := range used["nl"] {
		assert.Regexp(t, "^(New|Deserialize|Parse)|^(IFLA|VETH)_|^IfInfomsg$|^RtMsg$|Attr$|^ZeroTerminated$|^NetlinkRequestData$", name)
	}
	for _, call := range []string{"Setns", "Unshare", "Syscall", "RawSyscall", "PidfdOpen", "Open"} {
		assert.NotContains(t, used["unix"], call)
	}
}
