package scripts

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// planned is what the tests need of the plan in JSON.
type planned struct {
	Settings map[string]int
	Cases    []plannedCase
}

type plannedCase struct {
	Test    string
	Case    string
	Sysctls map[string]int
	Window  []struct{ Min, Max float64 }
}

// planOfDefaults is the plan under the kernel's own settings.
func planOfDefaults(t *testing.T) planned {
	t.Helper()
	out, err := exec.Command("go", "run", "./plan", "-settings", "testdata/none.conf", "-json").Output()
	require.NoError(t, err)
	var plan planned
	require.NoError(t, json.Unmarshal(out, &plan))
	require.NotEmpty(t, plan.Cases)
	return plan
}

// confusable are sysctls that a kernel could take for one another.
var confusable = [][]string{
	{"tcp_syn_retries", "tcp_synack_retries", "tcp_retries2", "tcp_orphan_retries"},
	{"tcp_retries2", "tcp_orphan_retries", "tcp_fin_timeout"},
	{"tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes"},
}

// Where two sysctls that could be confused have one value, a kernel that reads the
// wrong one is not caught.
func TestCasesTellSysctlsApart(t *testing.T) {
	complain(t, confused(planOfDefaults(t)))
}

func confused(plan planned) (complaints []string) {
	for _, c := range plan.Cases {
		value := func(name string) int {
			if value, set := c.Sysctls[name]; set {
				return value
			}
			return plan.Settings[name]
		}
		for _, names := range confusable {
			for i, name := range names {
				same := slices.IndexFunc(names[:i], func(other string) bool { return value(other) == value(name) })
				if same >= 0 {
					complaints = append(complaints, fmt.Sprintf("%s (%s): %s and %s are both %d", c.Test, c.Case, names[same], name, value(name)))
				}
			}
		}
	}
	return complaints
}

func TestConfusedSysctlsAreFound(t *testing.T) {
	plan := planned{
		Settings: map[string]int{"tcp_syn_retries": 6, "tcp_synack_retries": 5, "tcp_retries2": 15, "tcp_fin_timeout": 60, "tcp_keepalive_time": 7200, "tcp_keepalive_intvl": 75},
		Cases: []plannedCase{
			{Test: "TestA", Case: "apart"},
			{Test: "TestB", Case: "with a default", Sysctls: map[string]int{"tcp_orphan_retries": 5}},
			{Test: "TestC", Case: "with each other", Sysctls: map[string]int{"tcp_orphan_retries": 3, "tcp_fin_timeout": 3}},
		},
	}
	assert.Equal(t, []string{
		"TestB (with a default): tcp_synack_retries and tcp_orphan_retries are both 5",
		"TestC (with each other): tcp_orphan_retries and tcp_fin_timeout are both 3",
	}, confused(plan))
}

// Each case that is judged by time has a mistake of value that makes it fail; that
// any has a mistake at all is for the harness to test.
func TestTimedCasesHaveMistakesOfValue(t *testing.T) {
	complain(t, withoutMistake(planOfDefaults(t), namedTests(t, "../harness/mistakes_timed_test.go")))
}

// namedTests are the tests that the literals of a file name.
func namedTests(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, is := node.(*ast.BasicLit); is && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if strings.HasPrefix(text, "Test") {
				names = append(names, text)
			}
		}
		return true
	})
	return names
}

// withoutMistake are the cases with a window that are not named.
func withoutMistake(plan planned, named []string) (complaints []string) {
	for _, c := range plan.Cases {
		complaint := fmt.Sprintf("no mistake of value makes %s fail: add a row to timedMistakes", c.Test)
		if len(c.Window) > 0 && !slices.Contains(named, c.Test) && !slices.Contains(complaints, complaint) {
			complaints = append(complaints, complaint)
		}
	}
	return complaints
}

func TestMissingMistakesAreFound(t *testing.T) {
	plan := planOfDefaults(t)
	named := slices.DeleteFunc(namedTests(t, "../harness/mistakes_timed_test.go"), func(name string) bool { return name == "TestLinger2" })
	assert.Equal(t, []string{"no mistake of value makes TestLinger2 fail: add a row to timedMistakes"}, withoutMistake(plan, named))
}
