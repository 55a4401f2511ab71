package main

import (
	"os"
	"testing"
)

// requireKernel is the value of -kernel for the tests that boot one, from
// FINWAIT_TEST_KERNEL, and that of -modules, from FINWAIT_TEST_MODULES. It skips the
// test where there is none.
func requireKernel(t *testing.T) []string {
	t.Helper()
	name := os.Getenv("FINWAIT_TEST_KERNEL")
	if name == "" {
		t.Skip("needs a kernel: name one in FINWAIT_TEST_KERNEL, as uml:LINUX, or as qemu:VMLINUZ with FINWAIT_TEST_MODULES=DIR")
	}
	return []string{"-kernel=" + name, "-modules=" + os.Getenv("FINWAIT_TEST_MODULES")}
}
