package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// linear are two kernels of which the second has tcp_syn_linear_timeouts.
func linear() (old, now Run) {
	return synSent("6.1.0", 0, 15, "tcp_syn_retries=3 allows"), synSent("6.12.1", 4, 19, "tcp_syn_linear_timeouts=4 allow")
}

func marked(t *testing.T, c Comparison) string {
	t.Helper()
	_, after, found := strings.Cut(c.Markdown(), "### ")
	require.True(t, found)
	mark, _, _ := strings.Cut(after, " ")
	return mark
}

func TestWhatTheModelExplainsIsNotWorse(t *testing.T) {
	t.Parallel()
	old, now := linear()
	for name, runs := range map[string][]Run{"kernels": {old, now}, "a matrix": {old, now, now}} {
		c := Compare(runs, []string{"a", "b", "c"}[:len(runs)])
		assert.Len(t, c.differing(), 1, name)
		assert.False(t, c.Worse(), name)
		assert.Equal(t, "✓", marked(t, c), name)
		assert.NotContains(t, c.Text(), "unexplained", name)
	}
	now.Kernel = old.Kernel
	c := Compare([]Run{old, now}, []string{"a", "b"})
	assert.True(t, c.Worse(), "two runs on one kernel are to be the same")
	assert.Equal(t, "1 lab: 0 the same, 1 moved", c.counts())
	assert.Equal(t, "✗", marked(t, c))
}

func TestWhatNothingExplainsIsWorse(t *testing.T) {
	t.Parallel()
	old, now := linear()
	now.Labs[0].Verdicts[0].Why = nil
	for want, runs := range map[string][]Run{
		"1 lab: 0 the same, 1 moved; 1 unexplained":         {old, now},
		"1 lab: 0 agree, 1 differ (1 unexplained)":          {old, now, now},
		"1 lab: 0 the same, 1 gone; 1 unexplained":          {old, {Kernel: "6.12.1"}},
		"1 lab: 0 the same, 1 new; 1 unexplained":           {{Kernel: "6.12.1"}, old},
		"0 labs: 0 agree, 0 differ":                         {{}, {}, {}},
		"1 lab and nothing to compare with; no result of x": {old},
	} {
		c := Compare(runs, []string{"a", "b", "c"}[:len(runs)])
		if len(runs) == 1 {
			c = c.Lacking("x")
		}
		assert.Equal(t, want, c.counts())
		assert.True(t, c.Worse(), want)
		assert.Equal(t, "✗", marked(t, c), want)
	}
}

// Kernels that agree on a failure have failed.
func TestALabThatFailsEverywhereIsWorse(t *testing.T) {
	t.Parallel()
	for _, result := range []Result{Failed, Inconclusive} {
		old, _ := linear()
		old.Labs[0].Result = result
		c := Compare([]Run{old, old, old}, []string{"a", "b", "c"})
		assert.True(t, c.Worse())
		assert.Equal(t, "1 lab: 1 agree (1 failed or inconclusive in all), 0 differ", c.counts())

		other := old
		other.Kernel = "6.12.1"
		assert.True(t, Compare([]Run{old, other}, []string{"a", "b"}).Worse())
		assert.False(t, Compare([]Run{old, old}, []string{"a", "b"}).Worse(), "it is no worse than it was")
	}
}

// A table of many rows has room for those that matter.
func TestWhatIsExplainedComesLast(t *testing.T) {
	t.Parallel()
	old, now := linear()
	skipped := old.Labs[0]
	skipped.Test, skipped.Title = "TestZ", "skipped"
	old.Labs = append(old.Labs, skipped)
	skipped.Result, skipped.Verdicts = Skipped, nil
	now.Labs = append(now.Labs, skipped)
	c := Compare([]Run{old, now, now}, []string{"a", "b", "c"})
	assert.Equal(t, []string{"skipped"}, c.Unexplained())
	assert.Equal(t, "TestZ", c.rows[0].test)
}

func TestARunWithoutResultIsNamed(t *testing.T) {
	t.Parallel()
	old, now := linear()
	c := Compare([]Run{old, now, now}, []string{"a", "b", "c"}).Lacking("debian-5.10", "x|y")
	assert.True(t, c.Worse())
	assert.Contains(t, c.Text(), "\n1 lab: 0 agree, 1 differ; no result of debian-5.10, x|y\n")
	assert.Contains(t, c.Markdown(), "### ✗ finwait: 1 lab: 0 agree, 1 differ; no result of debian-5.10, x\\|y\n")
	var page strings.Builder
	require.NoError(t, c.WritePage(&page, []string{"", "", ""}))
	assert.Contains(t, page.String(), `<h1 class="bad">1 lab: 0 agree, 1 differ; no result of debian-5.10, x|y</h1>`)
	assert.NotContains(t, page.String(), "href", "there is nothing to lead to")

	c = Compare(nil, nil).Lacking("a", "b")
	assert.Equal(t, "no result of a, b\n", c.Text())
	assert.Equal(t, "### ✗ finwait: no result of a, b\n\n", c.Markdown())
}

func TestThePageIsGoodWhereAllIsExplained(t *testing.T) {
	t.Parallel()
	old, now := linear()
	var page strings.Builder
	require.NoError(t, Compare([]Run{old, now}, []string{"a", "b"}).WritePage(&page, []string{"a/index.html", ""}))
	assert.Contains(t, page.String(), `<h1 class="good">`)
	assert.Contains(t, page.String(), `<a href="a/index.html">A a</a>`)
	assert.Contains(t, page.String(), `<dt>B b</dt>`)
}
