package scripts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page of the report is looked at as its readers do: with a browser.

// chromium is the command of an installed browser.
func chromium(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %s is there to look at the page with: install the package chromium", strings.Join(names, ", "))
	return ""
}

// A browser shows one page.
type browser struct {
	ctx context.Context
	url string
}

// open writes the page of the run and starts a browser, which has not loaded it.
func open(t *testing.T, run report.Run) browser {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.html")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, report.WritePage(file, run))
	require.NoError(t, file.Close())

	const enough = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), enough) // longer than the test, to end the browser in order
	ctx, _ = chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // it needs a user namespace, and what is loaded is our own
		chromedp.DisableGPU,
	))
	t.Cleanup(func() {
		defer cancel()
		assert.NoError(t, chromedp.Cancel(ctx)) // one that is killed leaves files behind
	})
	return browser{ctx, "file://" + path}
}

func (b browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(b.ctx, steps...))
}

// ask evaluates an expression in the page.
func ask[T any](t *testing.T, b browser, expression string) T {
	t.Helper()
	answer, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return answer
}

// eventually asks until the expression is true.
func eventually(t *testing.T, b browser, expression string) {
	t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(5*time.Second)))
	require.NoError(t, err, expression)
}

func TestPageHasEveryLabAndNoError(t *testing.T) {
	t.Parallel()
	run := runOf(20)
	b := open(t, run)
	b.do(t)
	console := chromedp.Console(b.ctx)
	b.do(t, chromedp.Navigate(b.url), chromedp.Evaluate[chromedp.Void](`console.log("the end")`))
	for message, err := range console {
		require.NoError(t, err)
		if message.Text == "the end" {
			break
		}
		assert.NotContains(t, []chromedp.ConsoleType{chromedp.ConsoleError, chromedp.ConsoleException}, message.Type, message.String())
	}
	text := ask[string](t, b, `document.body.textContent`)
	for _, lab := range run.Labs {
		assert.True(t, strings.Contains(text, lab.Title), "the page lacks %s", lab.Title)
	}
}

// inView says that the diagram of the details is drawn, and in view.
const inView = `(() => {
	const details = document.querySelector(%q), box = details.querySelector("svg.diagram").getBoundingClientRect();
	return details.open && box.width > 200 && box.height > 200 &&
		box.top >= 0 && box.top < innerHeight && box.left >= 0 && box.right <= innerWidth;
})()`

// From the top of the page, the diagram of the lab that failed is one click
// away, and so is that of any other from the table.
func TestPageLeadsToDiagrams(t *testing.T) {
	t.Parallel()
	for name, width := range map[string]int64{"desktop": 1280, "phone": 375} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, runOf(20))
			b.do(t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(b.url))
			for link, details := range map[string]string{
				".troubles a":                  "details.bad",
				"tbody:last-of-type tr.good a": "details.good:last-of-type",
			} {
				shown := fmt.Sprintf(inView, details)
				b.do(t, chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
				require.False(t, ask[bool](t, b, shown), "in view before the click")
				b.do(t, chromedp.Click(chromedp.CSS(link)))
				eventually(t, b, shown)
			}
		})
	}
}

func TestPageFitsAPhone(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{360, 375} {
		b := open(t, runOf(4))
		b.do(t, chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Navigate(b.url),
			chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(lab => lab.open = true)`))
		assert.Equal(t, width, ask[int64](t, b, `innerWidth`))
		assert.LessOrEqual(t, ask[int64](t, b, `document.scrollingElement.scrollWidth`), width)
		const beyond = `[...document.querySelectorAll("body *")].filter(part => part.getBoundingClientRect().right > innerWidth).map(part => part.outerHTML.slice(0, 80))`
		assert.Empty(t, ask[[]string](t, b, beyond), "parts of the page at a width of %d", width)
		const smallest = `Math.min(...[...document.querySelectorAll("svg.diagram text")].map(text =>
			parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))`
		assert.GreaterOrEqual(t, ask[float64](t, b, smallest), 11.0, "pixels, at a width of %d", width)
	}
}

func TestPageFollowsTheColorScheme(t *testing.T) {
	t.Parallel()
	b := open(t, runOf(2))
	seen := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(t, err)
		b.do(t, chromedp.Navigate(b.url))
		for what, expression := range map[string]string{
			"text":       `getComputedStyle(document.body).color`,
			"background": `getComputedStyle(document.body).backgroundColor`,
			"diagram":    `getComputedStyle(document.querySelector("svg.diagram text")).fill`,
		} {
			color := ask[string](t, b, expression)
			assert.NotEqual(t, seen[what], color, "%s in both schemes", what)
			seen[what] = color
		}
		assert.NotEqual(t, seen["text"], seen["background"], scheme)
	}
}

// A case is two labs, one in each family. What counts is the browser's own processor
// time, for this machine may be busy.
func TestPageOf200CasesOpensInASecond(t *testing.T) {
	b := open(t, runOf(2*200))
	b.do(t)
	_, err := chromedp.Call(b.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	require.NoError(t, err)
	before := working(t, b)
	b.do(t, chromedp.Navigate(b.url))
	eventually(t, b, `performance.getEntriesByType("navigation")[0].loadEventEnd > 0`)
	took := working(t, b) - before
	t.Logf("loaded in %v", took)
	assert.Less(t, took, time.Second)
	assert.Greater(t, took, 10*time.Millisecond, "was it measured?")
}

// working is for how long the main thread of the page has computed.
func working(t *testing.T, b browser) time.Duration {
	t.Helper()
	answer, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	require.NoError(t, err)
	for _, metric := range answer.Metrics {
		if metric.Name == "TaskDuration" {
			return time.Duration(metric.Value * float64(time.Second))
		}
	}
	require.Fail(t, "the browser does not tell how long its tasks took")
	return 0
}

// runOf is a run of n labs, the first of which failed.
func runOf(n int) report.Run {
	run := report.Run{Version: report.Version, Kernel: "6.18.44", HZ: 250, Iptables: "iptables 1.8.9 (nf_tables)", Started: time.Now(), Took: report.Seconds(time.Minute)}
	for i := range n {
		run.Labs = append(run.Labs, labOf(i, i > 0))
	}
	return run
}

// labOf is one of 20 segments and 15 transitions.
func labOf(i int, passed bool) report.Lab {
	const client, server = "192.0.2.1:40000", "192.0.2.2:6000"
	at := func(step int) report.Seconds { return report.Seconds(step) * report.Seconds(20*time.Millisecond) }
	lab := report.Lab{
		Test: fmt.Sprintf("TestFinWait1Reaped/tcp_orphan_retries=%d/IPv4", i), Title: fmt.Sprintf("FIN_WAIT_1, server frozen, tcp_orphan_retries=%d, IPv4", i),
		Family: "IPv4", Result: report.Passed, Rerun: "make cases ARGS='-run FinWait1'",
		Hosts:  []report.Host{{Name: "client", Addr: client, Counters: map[string]int{"RetransSegs": 4}}, {Name: "server", Addr: server}},
		Faults: []report.Fault{{Host: "server", Text: "frozen (DROP in and out)", Begin: at(1), Hits: 20}},
	}
	for step := range 20 {
		sent, arrived := at(step+1), at(step+1)+report.Seconds(20*time.Microsecond)
		lab.Segments = append(lab.Segments, report.Segment{
			From: "client", Src: client, Dst: server, Sent: &sent, Arrived: &arrived, Dropped: "frozen (DROP in and out)", Flags: "FIN,ACK", Repeats: step > 0,
		})
		if step < 15 {
			lab.Transitions = append(lab.Transitions, report.Transition{
				Host: "client", Socket: client, State: "FIN_WAIT_1", After: sent, At: sent, Timer: "retransmission timer", Due: sent + at(1),
				Text: fmt.Sprintf("retransmission %d, next in 20 ms", step), Last: at(step + 2),
			})
		}
	}
	verdict := report.Verdict{
		Host: "client", Ending: "FIN_WAIT_1", State: "FIN_WAIT_1", Outcome: "reaped in its window", Passed: passed, Over: true,
		Text: "client reaped from FIN_WAIT_1", Clock: "the FIN was sent", Start: report.Interval{Min: at(1), Max: at(1)},
		Window: []report.Interval{{Min: at(20), Max: at(22)}}, Lasted: report.Interval{Min: at(21), Max: at(21)},
		Why: []string{"204 ms tail loss probe + 204 ms × (1+2+4+8), counted from when the FIN was sent"},
	}
	if !passed {
		lab.Result, lab.Reason, verdict.Outcome = report.Failed, verdict.Text, "early"
	}
	lab.Verdicts = []report.Verdict{verdict}
	return lab
}
