package scripts

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A verdict depends on the kernel and its settings, so go test must not answer
// from its cache, even when nothing that it knows of has changed. With -exec it
// never does, so this is for those who run it as root.
func TestCasesAreNeverCached(t *testing.T) {
	requireRoot(t)
	for range 2 {
		out, err := exec.Command("go", "test", "-run", "^TestControlFinWait1$", module+"/cases").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Regexp(t, `^ok\s+`+module+`/cases\s`, string(out))
		assert.NotContains(t, string(out), "(cached)")
	}
}
