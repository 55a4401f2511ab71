package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changed is the fixture after a change to one lab, that of the given test.
func changed(test string, change func(*Lab)) Run {
	run := fixture()
	for i := range run.Labs {
		if strings.HasPrefix(run.Labs[i].Test, test+"/") {
			change(&run.Labs[i])
		}
	}
	return run
}

func without(test string) Run {
	run := fixture()
	run.Labs = slices.DeleteFunc(run.Labs, func(lab Lab) bool { return strings.HasPrefix(lab.Test, test+"/") })
	return run
}

// another is the FIN_WAIT_2 of the fixture under tcp_fin_timeout=65.
func another(lab *Lab) {
	for i := range lab.Hosts {
		lab.Hosts[i].Settings = maps.Clone(lab.Hosts[i].Settings)
		lab.Hosts[i].Settings["tcp_fin_timeout"] = 65
	}
	v := &lab.Verdicts[0]
	v.Window, v.Lasted = []Interval{from(10, 10.512)}, from(10.2, 10.201)
	v.Text = "client reaped from FIN_WAIT_2 after 10.200 s, window 10.000 to 10.512 s"
}

func pass(lab *Lab) {
	lab.Result, lab.Reason = Passed, ""
	for i := range lab.Verdicts {
		lab.Verdicts[i].Passed, lab.Verdicts[i].Outcome = true, reaped
	}
}

func TestTwoRunsOfAKindAreTheSame(t *testing.T) {
	t.Parallel()
	again := fixture()
	slices.Reverse(again.Labs) // they end in any order
	c := Compare([]Run{fixture(), again}, []string{"A.json", "B.json"})
	assert.False(t, c.Worse())
	assert.Equal(t, "9 labs: 9 the same (2 failed or inconclusive in both)", c.counts())
	assert.Equal(t, `A  A.json: Linux 6.18.44, HZ 250, 9 labs: 1 failed, 1 inconclusive, 6 passed, 1 skipped
B  B.json: Linux 6.18.44, HZ 250, 9 labs: 1 failed, 1 inconclusive, 6 passed, 1 skipped

9 labs: 9 the same (2 failed or inconclusive in both)
`, c.Text())
	assert.NotContains(t, c.Markdown(), "|")
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		now   Run
		want  string
		worse bool
	}{
		"moved":        {changed("TestFinWait2Reaped", another), "9 labs: 8 the same (2 failed or inconclusive in both), 1 moved", true},
		"failed":       {changed("TestTimeWaitLength", func(lab *Lab) { lab.Result = Failed }), "9 labs: 8 the same (2 failed or inconclusive in both), 1 worse", true},
		"inconclusive": {changed("TestTimeWaitLength", func(lab *Lab) { lab.Result = Inconclusive }), "9 labs: 8 the same (2 failed or inconclusive in both), 1 worse", true},
		"fails now":    {changed("TestLastAckReaped", func(lab *Lab) { lab.Result = Failed }), "9 labs: 8 the same (1 failed or inconclusive in both), 1 worse", true},
		"passes now":   {changed("TestLastAckReaped", pass), "9 labs: 8 the same (1 failed or inconclusive in both), 1 better", false},
		"gone":         {without("TestTimeWaitLength"), "9 labs: 8 the same (2 failed or inconclusive in both), 1 gone", true},
		"skipped":      {changed("TestTimeWaitLength", func(lab *Lab) { lab.Result = Skipped }), "9 labs: 8 the same (2 failed or inconclusive in both), 1 skipped now", false},
		"runs now":     {changed("TestRTOLimits", pass), "9 labs: 8 the same (2 failed or inconclusive in both), 1 better", false},
		"runs, fails":  {changed("TestRTOLimits", func(lab *Lab) { lab.Result = Failed }), "9 labs: 8 the same (2 failed or inconclusive in both), 1 worse", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Compare([]Run{fixture(), test.now}, []string{"A", "B"})
			assert.Equal(t, test.want, c.counts())
			assert.Equal(t, test.worse, c.Worse())
		})
	}
	c := Compare([]Run{without("TestTimeWaitLength"), fixture()}, []string{"A", "B"})
	assert.Equal(t, "9 labs: 8 the same (2 failed or inconclusive in both), 1 new", c.counts())
	assert.False(t, c.Worse())
}

// altered is the fixture with a change of every kind, on another kernel.
func altered() Run {
	run := changed("TestFinWait2Reaped", another)
	run.Kernel = "6.1.150"
	for i := range run.Labs {
		switch lab := &run.Labs[i]; {
		case strings.HasPrefix(lab.Test, "TestTimeWaitLength/"):
			lab.Result, lab.Verdicts[0].Passed, lab.Verdicts[0].Outcome = Failed, false, "late"
			lab.Verdicts[0].Text = "client reaped from TIME_WAIT too late, after 64.100 s, window 60.000 to 62.048 s"
			lab.Verdicts[0].Lasted = from(64.1, 64.101)
		case strings.HasPrefix(lab.Test, "TestLastAckReaped/"):
			pass(lab)
			lab.Verdicts[0].Text = "server reaped from LAST_ACK after 3.331 s, window 3.264 to 3.368 s"
			lab.Verdicts[0].Lasted = from(3.33, 3.331)
		case strings.HasPrefix(lab.Test, "TestLinger2/"):
			lab.Result, lab.Reason, lab.Verdicts = Skipped, "TCP_LINGER2 is not | there", nil
		case strings.HasPrefix(lab.Test, "TestControlLastAck/"):
			lab.Test, lab.Title = "TestControlClosing/IPv4", "control: both close at once, IPv4"
		}
	}
	return run
}

func TestComparisonOfTwo(t *testing.T) {
	t.Parallel()
	c := Compare([]Run{fixture(), altered()}, []string{"old/results.json", "new/results.json"})
	golden(t, "compare_two.txt", c.Text())
	golden(t, "compare_two.md", c.Markdown())
}

func TestComparisonOfMany(t *testing.T) {
	t.Parallel()
	c := Compare([]Run{fixture(), altered(), fixture(), without("TestCloseWait")}, []string{"a.json", "b.json", "c.json", "d.json"})
	golden(t, "compare_many.txt", c.Text())
	golden(t, "compare_many.md", c.Markdown())
	assert.True(t, c.Worse())
}

func TestAnEndThatIsNotJudgedAnyMoreIsNamed(t *testing.T) {
	t.Parallel()
	c := Compare([]Run{fixture(), changed("TestTimeWaitLength", func(lab *Lab) { lab.Verdicts = nil })}, []string{"A", "B"})
	assert.True(t, c.Worse())
	assert.Contains(t, c.Text(), `moved        TIME_WAIT, both closed, tcp_fin_timeout=5, IPv4
             A  client reaped from TIME_WAIT after 61.310 s, window 60.000 to 62.048 s
             B  no verdict on the client in TIME_WAIT
             the same kernel, HZ and settings
`)
}

// The first run is the measure, but what differs between others is shown.
func TestAMatrixShowsWhereAnyTwoDiffer(t *testing.T) {
	t.Parallel()
	window := func(min, max float64) Run {
		return Run{Kernel: fmt.Sprint(max), HZ: 250, Labs: []Lab{{Test: "TestA", Result: Passed, Verdicts: []Verdict{endsIn(from(min, max), from(10, 10), 0)}}}}
	}
	c := Compare([]Run{window(1, 20), window(1, 10), window(10, 20)}, []string{"a", "b", "c"})
	assert.Empty(t, c.differing())

	early, late := window(1, 5), window(6, 20)
	early.Labs[0].Verdicts[0].Lasted = from(5, 5)
	c = Compare([]Run{window(1, 20), early, late}, []string{"a", "b", "c"})
	assert.Len(t, c.differing(), 1)
	assert.True(t, c.Worse(), "both are in the window of the first, but why do they differ?")
}

func TestCauses(t *testing.T) {
	t.Parallel()
	was, is := finWait2Lab(), finWait2Lab()
	another(&is)
	run := fixture()
	assert.Equal(t, []string{"tcp_fin_timeout 60 → 65"}, causes(run, run, was, is))

	is.Hosts[0].Settings["tcp_fin_timeout"] = 60
	assert.Equal(t, []string{"tcp_fin_timeout 60 → 65 on the server"}, causes(run, run, was, is))

	is = finWait2Lab()
	assert.Empty(t, causes(run, run, was, is))

	is.Verdicts[0].RTO, is.Verdicts[0].Window = sec(0.3), []Interval{from(5, 6)}
	other := Run{Kernel: "6.1.150", HZ: 1000}
	assert.Equal(t, []string{"retransmission timeout of the client 204 ms → 300 ms", "HZ 250 → 1000", "Linux 6.18.44 → 6.1.150"}, causes(run, other, was, is))

	is.Hosts[0].Settings = map[string]int{"tcp_new": 1}
	is.Hosts = is.Hosts[:1]
	assert.Empty(t, settingsChanged(was, is), "what only one of them knows is no difference in value")
}

func TestWhatIsTheSameIsSaid(t *testing.T) {
	t.Parallel()
	for want, hosts := range map[string][]Host{"the same kernel, HZ and settings": finWait2Lab().Hosts, "the same kernel and HZ": nil} {
		worse := changed("TestTimeWaitLength", func(lab *Lab) { lab.Result, lab.Hosts = Failed, hosts })
		assert.Contains(t, Compare([]Run{fixture(), worse}, []string{"A", "B"}).Text(), " "+want+"\n")
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]Verdict{
		"3.345 s":                   endsIn(from(3, 4), from(3.3445, 3.3455), 0),
		"3.150 to 3.291 s":          endsIn(from(3, 4), from(3.15, 3.291), 0),
		"armed":                     cut(armed, from(3, 4), 1),
		"for ever":                  forEver(7),
		"not held":                  {Outcome: "not held, as it should", Passed: true, Over: true},
		"ended by its peer 0.040 s": {Outcome: "ended by its peer", Passed: true, Over: true, Window: []Interval{from(3, 4)}, Lasted: from(0.04, 0.04)},
		"early 1.681 s":             {Outcome: "early", Over: true, Window: []Interval{from(3, 4)}, Lasted: from(1.681, 1.681)},
		"late":                      {Outcome: "late", Window: []Interval{from(3, 4)}, Lasted: from(5, 5)},
		"deviating":                 {Outcome: "deviating as known", Window: []Interval{from(3, 4)}, Lasted: from(5, 5)},
	} {
		assert.Equal(t, want, v.short())
	}
}

// A comparison in Markdown is as bounded as a summary.
func TestAComparisonIsBounded(t *testing.T) {
	t.Parallel()
	var a, b Run
	for i := range 300 {
		lab := Lab{Test: fmt.Sprintf("TestA/%03d", i), Result: Passed}
		a.Labs = append(a.Labs, lab)
		lab.Result, lab.Reason = Failed, strings.Repeat("|", 10_000)
		b.Labs = append(b.Labs, lab)
	}
	text := Compare([]Run{a, b}, []string{"A", "B"}).Markdown()
	assert.Less(t, len(text), 1<<20)
	assert.Contains(t, text, "\n… and 287 more\n")
}

func TestComparingIsQuick(t *testing.T) {
	t.Parallel()
	var run Run
	for i := range 1000 {
		lab := reapedLab()
		lab.Test = fmt.Sprintf("TestA/%d", i)
		run.Labs = append(run.Labs, lab)
	}
	begin := time.Now()
	c := Compare([]Run{run, run}, []string{"A", "B"})
	require.NotEmpty(t, c.Text())
	assert.Less(t, time.Since(begin), time.Second, "it takes milliseconds")
}

func BenchmarkCompare(b *testing.B) {
	var run Run
	for i := range 1000 {
		lab := reapedLab()
		lab.Test = fmt.Sprintf("TestA/%d", i)
		run.Labs = append(run.Labs, lab)
	}
	for b.Loop() {
		Compare([]Run{run, run}, []string{"A", "B"}).Text()
	}
}
