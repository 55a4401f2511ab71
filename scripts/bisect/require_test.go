package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireTree is the directory of a kernel's source that a test may change and leaves
// as it was, from FINWAIT_TEST_TREE: a copy of what "go run ./scripts/kernels uml 6.12"
// keeps. It skips the test where there is none.
func requireTree(t *testing.T) string {
	t.Helper()
	tree := os.Getenv("FINWAIT_TEST_TREE")
	if tree == "" {
		t.Skip("needs a kernel's source: name a copy of one in FINWAIT_TEST_TREE, and give -timeout=1h: it is built there for the first time")
	}
	return tree
}

// requireProgram is the program, compiled as for git bisect.
func requireProgram(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "make", "-C", "../..", "bisect").CombinedOutput()
	require.NoError(t, err, "%s", out)
	program, err := filepath.Abs("../../build/bisect/bisect")
	require.NoError(t, err)
	return program
}
