package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	golden(t, "summary.md", Summary(fixture()))
}

func TestTheSummaryOfARunThatPassed(t *testing.T) {
	t.Parallel()
	text := Summary(Run{Kernel: "6.18.44", HZ: 250, Labs: []Lab{reapedLab(), controlLab()}})
	assert.True(t, strings.HasPrefix(text, "### ✓ finwait: 2 labs: 2 passed\n"), text)
	assert.NotContains(t, text, "run it again")
	assert.Contains(t, text, "| 1 | reaped in its window |")
}

func TestNothingThatPassedIsNoPass(t *testing.T) {
	t.Parallel()
	assert.True(t, strings.HasPrefix(Summary(Run{}), "### – finwait: no labs\n"))
	assert.True(t, strings.HasPrefix(Summary(Run{Labs: []Lab{skippedLab()}}), "### – finwait: 1 lab: 1 skipped\n"))
}

func TestTheSummaryTellsOfALateMachine(t *testing.T) {
	t.Parallel()
	late := Summary(Run{Noise: Noise{Overshoot: sec(0.141), Stolen: sec(0.09)}})
	assert.Contains(t, late, "timers were late by up to 0.141 s")
	assert.Contains(t, late, "0.090 s of processor time went to other machines")
	assert.NotContains(t, Summary(Run{Noise: Noise{Overshoot: sec(0.024)}}), "late")
}

func TestAFailureWithoutAVerdictIsExplained(t *testing.T) {
	t.Parallel()
	text := Summary(Run{Labs: []Lab{
		{Test: "TestA", Result: Failed, Reason: "client was not held in FIN_WAIT_1"},
		{Test: "TestB", Result: Failed},
	}})
	assert.Contains(t, text, "| ✗ failed | TestA | client was not held in FIN_WAIT_1 |  |  |  |")
	assert.Contains(t, text, "| ✗ failed | TestB | the output of go test says why |  |  |  |")
}

func TestTheSummaryTellsWhatIsStillThere(t *testing.T) {
	t.Parallel()
	lab := Lab{Test: "TestA", Result: Failed, Verdicts: []Verdict{{Text: "too late", Window: []Interval{from(3, 4)}, Lasted: from(5, 5)}}}
	assert.Contains(t, Summary(Run{Labs: []Lab{lab}}), "| TestA | too late | 3.000 to 4.000 s | still there after 5.000 s |")
	lab.Verdicts[0].Window = nil
	assert.Contains(t, Summary(Run{Labs: []Lab{lab}}), "| TestA | too late | never | still there after 5.000 s |")
}

// GitHub takes a summary of 1 MiB.
func TestTheSummaryIsBounded(t *testing.T) {
	t.Parallel()
	many := Run{}
	for i := range 1000 {
		lab := earlyLab()
		lab.Test, lab.Title = fmt.Sprintf("TestA/%d", i), fmt.Sprintf("lab %d", i)
		many.Labs = append(many.Labs, lab)
	}
	text := Summary(many)
	assert.Contains(t, text, "| lab 99 |")
	assert.NotContains(t, text, "| lab 100 |")
	assert.Contains(t, text, "\n… and 900 more\n")

	for i := range many.Labs {
		many.Labs[i].Verdicts = nil
		many.Labs[i].Reason = strings.Repeat("<", 20_000)
	}
	text = Summary(many)
	assert.Less(t, len(text), 1<<20)
	assert.Contains(t, text, "\n… and 997 more\n")
}

func TestCellsShowTextAsItIs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FIN_WAIT_1 (with an owner)": "FIN_WAIT_1 (with an owner)",
		"a|b":                        `a\|b`,
		"two\nlines":                 "two lines",
		"<details> & `code` *x*":     "&lt;details&gt; &amp; \\`code\\` \\*x\\*",
		"[2001:db8::1]:40000":        `\[2001:db8::1\]:40000`,
		`\|`:                         `\\\|`,
		"$x$ ~y~":                    `\$x\$ \~y\~`,
	} {
		assert.Equal(t, want, cell(text))
	}
	for text, want := range map[string]string{
		"make cases ARGS='-run ^TestA$|B'": "`make cases ARGS='-run ^TestA$\\|B'`",
		"a `b` c":                          "`` a `b` c ``",
		"":                                 "",
	} {
		assert.Equal(t, want, code(text))
	}
}
