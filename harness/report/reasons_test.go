package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// synSent is a run with one SYN_SENT that ended so.
func synSent(kernel string, linear int, end float64, why string) Run {
	v := endsIn(from(end, end+0.5), from(end, end), 0)
	v.State, v.Why = "SYN_SENT", []string{why}
	return Run{Kernel: kernel, HZ: 250, Labs: []Lab{{
		Test: "TestSynSent", Title: "SYN_SENT", Result: Passed, Verdicts: []Verdict{v},
		Hosts: []Host{{Name: "client", Settings: map[string]int{"tcp_syn_linear_timeouts": linear, "tcp_fin_timeout": linear}}},
	}}}
}

func TestADifferenceIsExplainedByWhatItDependsOn(t *testing.T) {
	t.Parallel()
	old, now := synSent("6.1.0", 0, 15, "tcp_syn_retries=3 allows"), synSent("6.12.1", 4, 19, "tcp_syn_linear_timeouts=4 allow")
	c := Compare([]Run{old, now, now}, []string{"a", "b", "c"})
	assert.Equal(t, "tcp_syn_linear_timeouts 0 → 4 (Linux 6.5)", c.why(c.rows[0]))
	assert.Empty(t, c.Unexplained())

	now.Labs[0].Verdicts[0].Why = nil
	c = Compare([]Run{old, now, now}, []string{"a", "b", "c"})
	assert.Equal(t, "unexplained", c.why(c.rows[0]))
	assert.Equal(t, []string{"SYN_SENT"}, c.Unexplained())
}

// A lab may be the same from each run to the next, and not from the first to the last:
// another window holds what both of its neighbours' do not.
func TestADifferenceOfMoreThanOneStepIsExplained(t *testing.T) {
	t.Parallel()
	const why = "tcp_syn_linear_timeouts=4 allow"
	old, middle, now := synSent("6.1.0", 0, 15, why), synSent("6.12.1", 4, 15.2, why), synSent("7.3.0", 4, 15.8, why)
	middle.Labs[0].Verdicts[0].Window[0].Max = now.Labs[0].Verdicts[0].Window[0].Max
	now.Labs[0].Verdicts[0].Window[0].Min = 15
	c := Compare([]Run{old, middle, now}, []string{"a", "b", "c"})
	require.Equal(t, []change{same, same, moved}, c.rows[0].changes)
	assert.Equal(t, "tcp_syn_linear_timeouts 0 → 4 (Linux 6.5)", c.why(c.rows[0]))
	assert.Empty(t, c.Unexplained())

	for _, run := range []Run{old, middle, now} {
		run.Labs[0].Verdicts[0].Why = nil
	}
	assert.Equal(t, "unexplained", c.why(c.rows[0]))
}

func TestASkippedLabIsExplainedByTheReleaseThatItNeeds(t *testing.T) {
	t.Parallel()
	old, now := synSent("6.12", 4, 19, ""), synSent("7.3", 4, 19, "")
	old.Labs[0].Result, old.Labs[0].Verdicts, old.Labs[0].Reason = Skipped, nil, "needs tcp_rto_max_ms, which kernels have since Linux 6.15"
	c := Compare([]Run{old, now}, []string{"a", "b"})
	assert.Equal(t, "tcp_rto_max_ms is new (Linux 6.15)", c.why(c.rows[0]))

	old.Labs[0].Reason = "this kernel runs without IPv6"
	c = Compare([]Run{old, now}, []string{"a", "b"})
	assert.Equal(t, "unexplained", c.why(c.rows[0]))
}

func TestWhatASynAckIsCappedByConcernsNoOtherState(t *testing.T) {
	t.Parallel()
	old, now := synSent("6.18", 4, 15, "tcp_rto_max_ms"), synSent("7.3", 4, 19, "tcp_rto_max_ms")
	c := Compare([]Run{old, now}, []string{"a", "b"})
	assert.Equal(t, "unexplained", c.why(c.rows[0]))
	for _, run := range []Run{old, now} {
		run.Labs[0].Verdicts[0].State = "SYN_RECV"
	}
	c = Compare([]Run{old, now}, []string{"a", "b"})
	assert.Equal(t, "tcp_rto_max_ms caps the timeouts of a SYN-ACK (Linux 6.19)", c.why(c.rows[0]))
}

func TestAPageOfManyRuns(t *testing.T) {
	t.Parallel()
	c := Compare([]Run{fixture(), altered(), fixture()}, []string{"a<b>", "b", "c"})
	var page strings.Builder
	require.NoError(t, c.WritePage(&page, []string{"a/index.html", "b/index.html", "c/index.html"}))
	assert.Contains(t, page.String(), "a&lt;b&gt;")
	assert.Contains(t, page.String(), "≠ FIN_WAIT_2, server never closes, tcp_fin_timeout=3, IPv4")
	assert.Contains(t, page.String(), `<a class="verdict" href="b/index.html#TestFinWait2Reaped`)
	assert.Contains(t, page.String(), "unexplained")
	assert.NotContains(t, page.String(), "ZgotmplZ")
}
