package report

import (
	"bytes"
	"fmt"
	"html"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertHas spares the reader of a failure the whole page.
func assertHas(t *testing.T, page, text string) {
	t.Helper()
	assert.True(t, strings.Contains(page, text), "the page has no %q", text)
}

func assertHasNot(t *testing.T, page, text string) {
	t.Helper()
	assert.False(t, strings.Contains(page, text), "the page has %q", text)
}

func pageOf(t *testing.T, run Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WritePage(&b, run))
	return b.String()
}

func TestPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	page := pageOf(t, fixture())
	for _, outside := range []string{"http:", "https:", "src=", "@import", "<link"} {
		assertHasNot(t, page, outside)
	}
	for _, lab := range fixture().Labs {
		assertHas(t, html.UnescapeString(page), lab.Title)
	}
}

var (
	anchor = regexp.MustCompile(`href="#([^"]*)"`)
	target = regexp.MustCompile(`id="([^"]*)"`)
)

// Every link within the page leads to a lab, and to every lab leads one.
func TestLinksWithinThePage(t *testing.T) {
	t.Parallel()
	run := fixture()
	page := pageOf(t, run)
	labs := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(page, -1) {
		labs[html.UnescapeString(match[1])] = true
	}
	linked := map[string]bool{}
	for _, match := range anchor.FindAllStringSubmatch(page, -1) {
		name, err := url.PathUnescape(html.UnescapeString(match[1]))
		require.NoError(t, err)
		assert.True(t, labs[name], "nothing is called %s", name)
		linked[name] = true
	}
	for _, lab := range run.Labs {
		assert.True(t, linked[lab.Test], "no link leads to %s", lab.Test)
	}
}

// What did not pass stands on top, says why and by how much, and is open.
func TestTroublesComeFirst(t *testing.T) {
	t.Parallel()
	page := html.UnescapeString(pageOf(t, fixture()))
	head, rest, found := strings.Cut(page, "Every lab")
	require.True(t, found)
	for _, want := range []string{
		"1 of 9 labs failed, 1 inconclusive, 1 skipped", "Linux 6.18.44, HZ 250", "iptables 1.8.9 (nf_tables)",
		"14 March 2026, 09:26 UTC", "2 min 1 s", "timers up to 141 ms late, 90 ms stolen by the hypervisor",
		"FIN_WAIT_1, server frozen, tcp_orphan_retries=2, IPv6", "too early, after 1.681 s, window 3.264 to 3.368 s",
		"<dt>By how much</dt><dd>1.583 s before the window opened", "<dt>It looks like</dt><dd>one retry fewer, tcp_orphan_retries=1 <small>(1.632 to 1.714 s)</small>",
		"before the window opened, or inside it", "<dt>It may as well be</dt><dd>no tail loss probe",
	} {
		assertHas(t, head, want)
	}
	assertHasNot(t, head, "TIME_WAIT")
	for _, want := range []string{"The window follows from", "Set on both hosts", "Run it again"} {
		assertHas(t, head, want)
	}
	open := regexp.MustCompile(`<details class="lab (\w+)" open>`).FindAllStringSubmatch(rest, -1)
	require.Len(t, open, 2)
	assert.Equal(t, "bad", open[0][1])
	assert.Equal(t, "unclear", open[1][1])
}

// The numbers behind a verdict are all there.
func TestEvidence(t *testing.T) {
	t.Parallel()
	run := fixture()
	run.Labs = []Lab{earlyLab()}
	run.Noise.Stolen = 0
	run.Labs[0].Unkept, run.Labs[0].Noise = 12, Noise{Overshoot: sec(0.031)}
	page := html.UnescapeString(pageOf(t, run))
	for _, want := range []string{
		"204 ms tail loss probe + 204 ms × (1+2+4+8), counted from when the FIN was sent", "tcp_retransmit_timer",
		"tcp_orphan_retries=2", "RetransSegs +3", "server frozen (DROP in and out) at 0.017 s, dropped 4 packets",
		"Retransmission timeout before: 204 ms", "12 segments more", "timers up to 31 ms late",
		"make cases ARGS='-run ^TestFinWait1Reaped$/^tcp_orphan_retries=2$/^IPv6$'", `href="TestFinWait1Reaped/tcp_orphan_retries=2/IPv6"`,
	} {
		assertHas(t, page, want)
	}
	assertHasNot(t, page, "stolen") // only where it is not zero
}

func TestInWords(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		results []Result
		says    string
		class   string
	}{
		{nil, "No lab was run", "unclear"},
		{[]Result{Passed}, "The only lab passed", "good"},
		{[]Result{Passed, Passed}, "All 2 labs passed", "good"},
		{[]Result{Passed, Skipped}, "1 of 2 labs passed, 1 skipped", "good"},
		{[]Result{Skipped}, "No lab passed: all were skipped", "unclear"},
		{[]Result{Passed, Inconclusive}, "1 of 2 labs inconclusive", "unclear"},
		{[]Result{Passed, Failed}, "1 of 2 labs failed", "bad"},
		{[]Result{Failed, Inconclusive, Skipped}, "1 of 3 labs failed, 1 inconclusive, 1 skipped", "bad"},
	} {
		var run Run
		for _, result := range row.results {
			run.Labs = append(run.Labs, Lab{Result: result})
		}
		says, class := run.inWords()
		assert.Equal(t, row.says, says)
		assert.Equal(t, row.class, class, says)
	}
}

// The families of a case stand together, numbers are in their order, and what
// failed comes first.
func TestGrouped(t *testing.T) {
	t.Parallel()
	lab := func(title, family string, result Result) Lab {
		return Lab{Title: title + ", " + family, Family: family, Result: result}
	}
	groups := grouped([]Lab{
		lab("retries=10", "IPv6", Passed), lab("retries=2", "IPv4", Skipped), lab("retries=10", "IPv4", Passed),
		lab("unclear", "IPv4", Inconclusive), lab("wrong", "IPv6", Failed), lab("wrong", "IPv4", Passed),
	})
	var order []string
	for _, g := range groups {
		for _, l := range g.Labs {
			assert.Equal(t, g.Title+", "+l.Family, l.Title)
			order = append(order, l.Title)
		}
	}
	assert.Equal(t, []string{"wrong, IPv4", "wrong, IPv6", "unclear, IPv4", "retries=2, IPv4", "retries=10, IPv4", "retries=10, IPv6"}, order)
}

// The lab is known by the verdict that failed, or else by the last one that was
// judged by time.
func TestMainVerdict(t *testing.T) {
	t.Parallel()
	window := []Interval{from(1, 2)}
	passing, timed, failed := Verdict{State: "passing", Passed: true}, Verdict{State: "timed", Passed: true, Window: window}, Verdict{State: "failed"}
	for state, verdicts := range map[string][]Verdict{
		"passing": {passing},
		"timed":   {passing, timed, passing},
		"failed":  {timed, failed, timed},
	} {
		assert.Equal(t, state, view(Lab{Verdicts: verdicts}).Main.State)
	}
	assert.Nil(t, view(Lab{}).Main)
}

// hostile makes every text in v an attack.
func hostile(v reflect.Value, attack string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + attack)
	case reflect.Pointer:
		if !v.IsNil() {
			hostile(v.Elem(), attack)
		}
	case reflect.Slice:
		for i := range v.Len() {
			hostile(v.Index(i), attack)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				hostile(v.Field(i), attack)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(reflect.ValueOf(key.String()+attack), v.MapIndex(key))
		}
	}
}

// Nothing in a record becomes a part of the page.
func TestRecordsAreEscaped(t *testing.T) {
	t.Parallel()
	for _, attack := range []string{`<script>alert(1)</script>`, `"><b onclick="alert(1)`, `' onload='alert(1)`} {
		run := fixture()
		run.Labs = append(run.Labs, oddLabs()...)
		for i := range run.Labs {
			result, family := run.Labs[i].Result, run.Labs[i].Family
			hostile(reflect.ValueOf(&run.Labs[i]).Elem(), attack)
			run.Labs[i].Result, run.Labs[i].Family = result, family
		}
		run.Kernel, run.Iptables, run.SettingsOf = attack, attack, attack
		page := pageOf(t, run)
		assertHasNot(t, page, attack)
		assertHas(t, html.UnescapeString(page), attack)
		assert.Equal(t, 1, strings.Count(page, "<script"))
	}
	run := fixture()
	run.Labs[2].Folder = "javascript:alert(1)"
	assertHasNot(t, pageOf(t, run), `href="javascript:`)
}

// many labs have each 20 segments and 15 transitions.
func many(n int) Run {
	run := fixture()
	run.Labs = nil
	for i := range n {
		lab := reapedLab()
		for j := range 11 {
			at := 0.05 + 0.01*float64(j)
			lab.Segments = append(lab.Segments, lab.fin(at))
			if j < 8 {
				lab.Transitions = append(lab.Transitions, lab.retried(at+0.0001, j, fmt.Sprintf("retransmission %d, next in 410 ms", 10+j), at+0.4))
			}
		}
		lab.watched(3.4631)
		lab.Test, lab.Title = fmt.Sprintf("Test%d/IPv4", i), fmt.Sprintf("FIN_WAIT_1, server frozen, case %d, IPv4", i)
		run.Labs = append(run.Labs, lab)
	}
	return run
}

// A case is two labs, one in each family.
func TestPageOf200CasesIsUnder3MB(t *testing.T) {
	t.Parallel()
	run := many(2 * 200)
	require.GreaterOrEqual(t, len(run.Labs[0].Segments), 19)
	require.GreaterOrEqual(t, len(run.Labs[0].Transitions), 15)
	size := len(pageOf(t, run))
	t.Logf("%d bytes", size)
	assert.Less(t, size, 3_000_000)
}

func TestWritePageFails(t *testing.T) {
	t.Parallel()
	assert.ErrorIs(t, WritePage(brokenDisk{}, fixture()), errBroken)
}
