package scripts

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a user of the packages can name is documented. A constant or variable
// may leave that to its group, a field to the text of its struct, and String,
// which fmt knows, to its type.
func TestExportedNamesAreDocumented(t *testing.T) {
	for room, fewest := range map[string]int{"netns": 10, "harness": 100, "harness/tcp": 100, "harness/report": 100} {
		names, bare := exportedNames(t, filepath.Join("..", room))
		assert.Empty(t, bare, room)
		assert.Greater(t, names, fewest, "%s: everything was looked at", room)
	}
}

// Each of these is found to be undocumented.
func TestMissingDocumentationIsFound(t *testing.T) {
	for source, bare := range map[string][]string{
		"const A = 1":                                 {"A"},
		"// Both.\nconst (\n\tA = 1\n\tB = 2\n)":      nil,
		"var A, b = 1, 2":                             {"A"},
		"func F() {}":                                 {"F"},
		"type T int":                                  {"T"},
		"// T is.\ntype T int\nfunc (T) M() {}":       {"T.M"},
		"// T is.\ntype T int\nfunc (T) String() {}":  nil,
		"// T is.\ntype T struct { A, b int }":        {"T.A"},
		"// T has A.\ntype T struct { A int }":        nil,
		"// T is.\ntype T struct { A int // is\n}":    nil,
		"// T is.\ntype T struct {\n// A.\nA, B int}": {"T.B"},
		"type t struct { A int }":                     nil,
	} {
		_, found := undocumented(t, map[string]string{"a.go": "package p\n" + source})
		assert.Equal(t, bare, found, source)
	}
}

// exportedNames counts those of a package, and lists those without documentation.
func exportedNames(t *testing.T, dir string) (names int, bare []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	sources := map[string]string{}
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			sources[path] = string(text)
		}
	}
	return undocumented(t, sources)
}

func undocumented(t *testing.T, sources map[string]string) (names int, bare []string) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for path, source := range sources {
		file, err := parser.ParseFile(set, path, source, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(set, files, "p")
	require.NoError(t, err)
	see := func(name, text string) {
		names++
		if text == "" {
			bare = append(bare, name)
		}
	}
	seeFuncs := func(functions []*doc.Func, of string) {
		for _, f := range functions {
			if f.Name != "String" {
				see(of+f.Name, f.Doc)
			}
		}
	}
	seeValues(see, pkg.Consts, pkg.Vars)
	seeFuncs(pkg.Funcs, "")
	for _, one := range pkg.Types {
		see(one.Name, one.Doc)
		seeValues(see, one.Consts, one.Vars)
		seeFuncs(one.Funcs, "")
		seeFuncs(one.Methods, one.Name+".")
		seeFields(see, one)
	}
	return names, bare
}

func seeValues(see func(name, text string), all ...[]*doc.Value) {
	for _, groups := range all {
		for _, group := range groups {
			for _, spec := range group.Decl.Specs {
				value := spec.(*ast.ValueSpec)
				for _, name := range value.Names {
					if name.IsExported() {
						see(name.Name, group.Doc+value.Doc.Text()+value.Comment.Text())
					}
				}
			}
		}
	}
}

// seeFields sees those of a struct. What documents several names all of them.
func seeFields(see func(name, text string), named *doc.Type) {
	structure, is := named.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	if !is {
		return
	}
	texts := named.Doc
	for _, field := range structure.Fields.List {
		texts += field.Doc.Text()
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			text := regexp.MustCompile(`\b` + name.Name + `\b`).FindString(texts)
			if len(field.Names) == 1 {
				text += field.Doc.Text() + field.Comment.Text()
			}
			if name.IsExported() {
				see(named.Name+"."+name.Name, text)
			}
		}
	}
}
