package scripts

import (
	"os"
	"testing"
)

// requireRoot skips the test where it is not run by root.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}
