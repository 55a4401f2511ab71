package main

import (
	"os/exec"
	"testing"
)

// requireProgram skips the test where a program is not there.
func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s, which Debian and its relatives have", name)
	}
}
