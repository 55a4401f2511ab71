package harness

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

const (
	// DefaultWatch sees an orphan die under the kernel's default settings,
	// which takes 104 to 109 s.
	DefaultWatch = 2 * time.Minute
	// ShortWatch is for -short.
	ShortWatch = 7 * time.Second
	// setUp is what a plan allows for building and tearing down.
	setUp = 20 * time.Second
	// labsAtOnce replaces go test's default for -parallel, the number of
	// processors: cases wait, they do not compute.
	labsAtOnce = 512
)

// Options are what a suite's flags say.
type Options struct {
	// Watch is how long a state is watched at the most before it is judged by
	// its armed deadline or its schedule; DefaultWatch if zero.
	Watch time.Duration
	// Strict fails the suite when a case was skipped.
	Strict bool
	// Settings is a sysctl.d file; cases that run under the machine's own
	// settings take those of the file in place of them. A relative path is
	// one from the root of the module.
	Settings string
	// Report is the directory for the report: index.html, results.json, and a
	// folder of evidence for each lab that failed. An earlier report there is
	// replaced. A relative path counts from the root of the module. None if
	// empty.
	Report string
	// Plan prints what would be done, as PlanText or PlanJSON, and runs
	// nothing.
	Plan PlanFormat
}

// session is this process's run.
var session = &run{options: Options{Watch: DefaultWatch}, out: os.Stdout, outcomes: map[outcome]int{}}

// A run is what all cases of a process share: the plan and the results.
type run struct {
	options Options
	out     io.Writer
	// own are the settings of the machine or of the file, and source says of
	// which.
	own    Sysctls
	source string
	// notes say what of a file has no part.
	notes []string

	mu       sync.Mutex
	declared []variant
	begun    bool
	refusal  error
	outcomes map[outcome]int
	labs     int
	skipped  int
	failed   int

	progress progress
	archive  archive
}

// Main runs the tests of a package with the given options and returns the exit
// code for os.Exit. It fails at once, saying what to do, where the suite
// cannot run, and prints the plan and a summary. The suite fails, too, if something
// is left behind that was not there before the first lab: descriptors, goroutines,
// threads, child processes, network namespaces. Flags must have been parsed.
func Main(m *testing.M, options Options) int {
	if options.Watch == 0 {
		options.Watch = DefaultWatch
	}
	session.options = options
	if given("test.list") {
		return m.Run()
	}
	if err := session.readOwn(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		return 1
	}
	if options.Plan != "" {
		return session.planOnly(m)
	}
	if err := session.archive.open(options.Report); err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		return 1
	}
	if err := dieWithParent(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		return 1
	}
	leaks, err := newLeakCheck()
	if err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		return 1
	}
	if err := missing(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait: the suite cannot run here:", err)
		return 1
	}
	if !given("test.parallel") {
		if err := flag.Set("test.parallel", fmt.Sprint(labsAtOnce)); err != nil {
			fmt.Fprintln(os.Stderr, "finwait:", err)
			return 1
		}
	}
	code := m.Run()
	if code == 0 && session.labs == 0 {
		code = chosenNone()
	}
	return leaks.end(session.end(code), leakPatience, os.Stderr)
}

// chosenNone says that the flags of go test leave no case to run, and is the exit
// code: a run that proves nothing does not pass. Where benchmarks were asked
// for, no tests need to be.
func chosenNone() int {
	if given("test.bench") || given("test.fuzz") {
		return 0
	}
	var chosen []string
	for _, name := range []string{"run", "skip", "count"} {
		if given("test." + name) {
			chosen = append(chosen, fmt.Sprintf("-%s=%s", name, flag.Lookup("test."+name).Value))
		}
	}
	fmt.Fprintf(os.Stderr, "finwait: no case is left to run with %s; -list=. names all\n", strings.Join(chosen, " "))
	return 1
}

// given reports whether the flag stands on the command line.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// declare adds to the plan. All top-level tests declare before the first of
// them goes on in parallel: testing starts every test before it releases the
// ones that called Parallel.
func (r *run) declare(variants []variant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun { // go test -count: a new round
		r.begun, r.declared = false, nil
	}
	r.declared = append(r.declared, variants...)
}

// begin prints the plan, once, and fails the test if the plan cannot be
// carried out.
func (r *run) begin(t *testing.T) {
	t.Helper()
	requireSuite(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun && r.refusal != nil {
		skipUnstarted(t)
	}
	if !r.begun {
		r.begun = true
		if r.refusal = r.plan(t); r.refusal == nil {
			r.refusal = r.archive.clear()
		}
	}
	if r.refusal != nil {
		t.Fatal(r.refusal)
	}
}

// plan prints what is about to happen, and compares it with the time that go
// test leaves.
func (r *run) plan(t *testing.T) error {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	tools, err := findTools()
	if err != nil {
		return err
	}
	var longest variant
	var total, most time.Duration
	for _, v := range r.declared {
		watched := v.watched(kernel, r.options.Watch)
		total += 2 * watched
		if watched > most {
			longest, most = v, watched
		}
	}
	fmt.Fprintf(r.out, "finwait: %v, %s, %d cases in IPv4 and IPv6\n", kernel, tools.version, len(r.declared))
	if r.options.Settings != "" {
		fmt.Fprintf(r.out, "settings of %s\n", r.source)
	}
	for _, note := range r.notes {
		fmt.Fprintf(r.out, "      %s\n", note)
	}
	if most > 0 {
		fmt.Fprintf(r.out, "plan: %s (longest: %s, %v)\n", minutes(most), longest.title(), longest.window(kernel))
	}
	r.printUntold(kernel)
	if err := enoughDescriptors(min(parallel(), 2*len(r.declared))); err != nil {
		return err
	}
	needed := most + setUp
	if slots := parallel(); slots < 2*len(r.declared) {
		needed += total / time.Duration(slots)
	}
	if deadline, limited := t.Deadline(); limited && time.Until(deadline) < needed {
		return fmt.Errorf("the plan takes %s, go test allows %s more: pass -timeout=%s, or watch less with -watch or -short",
			minutes(needed), minutes(time.Until(deadline)), (2 * needed).Round(time.Minute).String())
	}
	r.progress.show(most, r.out)
	return nil
}

// printUntold says which cases have a rival that the end alone cannot tell from
// the prediction: how many, or all with -v.
func (r *run) printUntold(kernel kernel) {
	untold := 0
	for _, v := range r.declared {
		blind := v.untold(kernel)
		if blind == "" {
			continue
		}
		untold++
		if testing.Verbose() {
			fmt.Fprintf(r.out, "      %s cannot be told from %s\n", v.title(), blind)
		}
	}
	if untold > 0 {
		fmt.Fprintf(r.out, "      %d have a rival that the moment of the end cannot be told from, only the timers on the way; -plan names them\n", untold)
	}
}

// parallel is how many labs go test runs at once.
func parallel() int {
	slots, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String())
	if err != nil {
		return 1
	}
	return max(1, slots)
}

// minutes writes a long duration as "1 min 49 s".
func minutes(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Minute {
		return tcp.Text(d)
	}
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}

// judged counts the verdicts of a lab, and prints those that passed. Of a lab
// that failed only those count that did not.
func (r *run) judged(title string, verdicts []verdict, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range verdicts {
		if failed && v.passed() {
			continue
		}
		r.outcomes[v.outcome]++
		r.progress.clear()
		switch {
		case v.outcome == deviating:
			fmt.Fprintf(r.out, "known %s: %s\n", title, v)
		case v.passed():
			fmt.Fprintf(r.out, "ok    %s: %s\n", title, v)
		}
	}
}

// ended counts a lab when its test is over.
func (r *run) ended(t *testing.T, record *report.Lab) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.labs++
	r.progress.end(t.Failed())
	r.progress.clear()
	record.Result = report.Passed
	switch {
	case t.Skipped():
		r.skipped++
		record.Result = report.Skipped
		fmt.Fprintf(r.out, "skip  %s: %s\n", record.Title, record.Reason)
	case t.Failed():
		r.failed++
		record.Result = failedResult(record)
		fmt.Fprintf(r.out, "FAIL  %s\n", record.Title)
	}
	r.archive.add(*record)
}

// failedResult is inconclusive if nothing worse was found.
func failedResult(record *report.Lab) report.Result {
	result := report.Failed
	for _, v := range record.Verdicts {
		switch {
		case v.Outcome == string(inconclusive):
			result = report.Inconclusive
		case !v.Passed:
			return report.Failed
		}
	}
	return result
}

// end prints the summary, writes the report, and turns the exit code of the tests
// into that of the suite.
func (r *run) end(code int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.progress.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait: showing the progress:", err)
		code = max(code, 1)
	}
	if r.labs == 0 {
		return code
	}
	r.summarize()
	if err := r.publish(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		code = max(code, 1)
	}
	if r.options.Strict && r.skipped > 0 && code == 0 {
		fmt.Fprintf(r.out, "-strict: %d labs were skipped\n", r.skipped)
		return 1
	}
	return code
}

// summarize prints the counts.
func (r *run) summarize() {
	judged := 0
	var counts []string
	for _, outcome := range []outcome{reaped, armed, onSchedule, forEver, closed, passing, deviating, early, late, offSchedule, inconclusive} {
		judged += r.outcomes[outcome]
		counts = append(counts, fmt.Sprintf("%d %s", r.outcomes[outcome], outcome))
	}
	fmt.Fprintf(r.out, "%d labs, %d judged: %s; %d skipped, %d failed\n", r.labs, judged, strings.Join(counts, ", "), r.skipped, r.failed)
	if noise := describeNoise(r.archive.noise()); noise != "" {
		fmt.Fprintf(r.out, "      %s\n", noise)
	}
}
