package main

import (
	"os"
	"testing"
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
