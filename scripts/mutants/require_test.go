package main

import (
	"os/exec"
	"testing"
)

// requirePatch skips the test where the program is not there that applies patches.
func requirePatch(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skipf("needs patch: %v", err)
	}
}
