package scripts

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The nightly comparison names every kernel of the matrix, so that it misses none
// that has no result.
func TestEveryKernelOfTheWorkflowIsCompared(t *testing.T) {
	t.Parallel()
	workflow, err := os.ReadFile("../.github/workflows/kernels.yml")
	require.NoError(t, err)
	var run []string
	for _, found := range regexp.MustCompile(`(?m)^ +- \{name: ([^,]+), kernel: `).FindAllSubmatch(workflow, -1) {
		run = append(run, string(found[1]))
	}
	require.NotEmpty(t, run)
	compared := regexp.MustCompile(`(?m)^ +\.\./compare -markdown -page index\.html (.*) >>"\$GITHUB_STEP_SUMMARY"$`).FindSubmatch(workflow)
	require.NotNil(t, compared, "the workflow compares")
	assert.ElementsMatch(t, run, strings.Fields(string(compared[1])))
}
