package harness

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
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
		return refuse(err)
	}
	if options.Plan != "" {
		return session.planOnly(m)
	}
	leaks, err := session.prepare()
	if err != nil {
		return refuse(err)
	}
	code := m.Run()
	if code == 0 && session.labs == 0 {
		code = chosenNone()
	}
	return leaks.end(session.end(code), leakPatience, os.Stderr)
}

// refuse says why nothing is run, and is the exit code.
func refuse(err error) int {
	fmt.Fprintln(os.Stderr, "finwait:", err)
	return 1
}

// prepare makes sure that the suite can run, and that what it leaves behind will
// be found.
func (r *run) prepare() (*leakCheck, error) {
	if err := r.archive.open(r.options.Report); err != nil {
		return nil, err
	}
	if err := dieWithParent(); err != nil {
		return nil, err
	}
	leaks, err := newLeakCheck()
	if err != nil {
		return nil, err
	}
	if err := missing(); err != nil {
		return nil, fmt.Errorf("the suite cannot run here: %w", err)
	}
	if given("test.parallel") {
		return leaks, nil
	}
	return leaks, flag.Set("test.parallel", fmt.Sprint(labsAtOnce))
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
