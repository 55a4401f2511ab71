package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPatchesAreWhatTheyShouldBe(t *testing.T) {
	const mutants, controls = 20, 3 // at the least
	patches, err := readPatches("patches")
	require.NoError(t, err)
	cases := caseNames(t)
	harmless := 0
	for _, p := range patches {
		assert.True(t, strings.HasSuffix(p.says, "."), "%s: %q is no sentence", p.name, p.says)
		assert.Equal(t, p.control(), strings.HasPrefix(p.name, "control-"), "%s: controls, and they alone, are named so", p.name)
		if p.control() {
			harmless++
		}
		for _, e := range p.caught {
			assert.Contains(t, cases, e.test, p.name)
			assert.NotContains(t, e.hows, other, "%s: say what gives it away", p.name)
		}
	}
	assert.GreaterOrEqual(t, harmless, controls)
	assert.GreaterOrEqual(t, len(patches)-harmless, mutants)
}

// caseNames are the tests of package cases.
func caseNames(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob("../../cases/*_test.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
	}
	return names
}

const change = `
--- a/net/ipv4/tcp.c
+++ b/net/ipv4/tcp.c
@@ -1,3 +1,3 @@
 a
-b
+c
 d
`

func TestParsePatch(t *testing.T) {
	p, err := parsePatch("Breaks: It is broken.\nCaught-by: TestA (end), TestB/IPv6 (segments or errno)\n" + change)
	require.NoError(t, err)
	assert.Equal(t, patch{
		says: "It is broken.", file: "net/ipv4/tcp.c",
		caught: []expectation{{"TestA", "", []how{end}}, {"TestB", "IPv6", []how{segments, errno}}},
	}, p)
	assert.False(t, p.control())

	p, err = parsePatch("Harmless: It is not.\n" + change)
	require.NoError(t, err)
	assert.True(t, p.control())
}

func TestParsePatchRefuses(t *testing.T) {
	const head = "Breaks: It is broken.\nCaught-by: TestA (end)\n"
	for name, refused := range map[string]struct{ text, because string }{
		"empty":        {"", "it changes no file"},
		"no header":    {change, "neither what it Breaks"},
		"not caught":   {"Breaks: It is broken.\n" + change, "want Caught-by with Breaks"},
		"control":      {"Harmless: It is not.\nCaught-by: TestA (end)\n" + change, "want Caught-by with Breaks"},
		"other line":   {"Broken: yes\n" + change, `none of Breaks, Harmless, Caught-by: "Broken"`},
		"unknown how":  {"Breaks: It is broken.\nCaught-by: TestA (luck)\n" + change, `"TestA (luck)" is not like`},
		"nor other":    {"Breaks: It is broken.\nCaught-by: TestA (end or luck)\n" + change, `"TestA (end or luck)" is not like`},
		"header file":  {head + strings.ReplaceAll(change, "tcp.c", "tcp.h"), "one .c file below net"},
		"outside":      {head + strings.ReplaceAll(change, "net/", "../net/"), "one .c file below net"},
		"two lines":    {head + strings.Replace(change, "+c", "+c\n+d", 1), "adds 2 lines"},
		"second file":  {head + change + change, "adds 3 lines"},
		"nothing done": {head + strings.NewReplacer("-b\n", "", "+c\n", "").Replace(change), "adds 0 lines"},
	} {
		_, err := parsePatch(refused.text)
		assert.ErrorContains(t, err, refused.because, name)
	}
}
