package harness

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// Case declares what a test puts two hosts through, so that a plan can be made
// of it before anything runs.
type Case struct {
	// Name says what is done, for a reader of the results: "server frozen".
	Name string
	// Sysctls are set on both hosts before they connect; what is not named
	// keeps the kernel's default.
	Sysctls Sysctls
	// OwnSettings adds the settings of the machine that the suite runs on, or
	// those of Options.Settings.
	OwnSettings bool
	// Variants are the ways in which the case is run; once if none.
	Variants []Variant
	// Ends is how the socket ends that is judged. With the zero value nothing
	// is judged by time.
	Ends tcp.Ending
	// Needs is what a kernel may be too old for.
	Needs Need
}

// Variant is one way to run a case.
type Variant struct {
	// Name tells it from the others: "linger2=1".
	Name string
	// Sysctls are set besides those of the case.
	Sysctls Sysctls
	// Ends takes the place of that of the case, where it names a state.
	Ends tcp.Ending
}

// Need is a Sysctl below net.ipv4 that kernels have Since a release. Where it
// is missing the case is skipped on older kernels, and fails on others. The
// zero value is no need.
type Need struct {
	Sysctl string
	Since  tcp.Release
}

// Sweep is a variant for each value of a sysctl.
func Sweep(sysctl string, values ...int) []Variant {
	var variants []Variant
	for _, value := range values {
		variants = append(variants, Variant{Name: fmt.Sprintf("%s=%d", sysctl, value), Sysctls: Sysctls{sysctl: value}})
	}
	return variants
}

// Run runs a case in IPv4 and in IPv6, in each of its variants, each in a lab of
// its own. It must be the last statement of a top-level test and be called
// once: it returns when the case has ended in every lab, and the test runs in
// parallel with the others from then on.
//
// The verdict depends on the kernel, which go test does not track. Run
// therefore opens testdata/uncached: where that is a link to a file of /proc,
// go test never answers from its cache.
func Run(t *testing.T, c Case, body func(t *testing.T, lab *Lab)) {
	t.Helper()
	touchUncached()
	variants := c.variants(session.own)
	for i := range variants {
		variants[i].test = t.Name()
	}
	session.declare(variants)
	if session.options.Plan != "" {
		return
	}
	t.Parallel()
	session.begin(t)
	for _, variant := range variants {
		if variant.label == "" {
			runFamilies(t, variant, body)
			continue
		}
		t.Run(variant.label, func(t *testing.T) {
			t.Parallel()
			runFamilies(t, variant, body)
		})
	}
}

// touchUncached opens the file whose age keeps go test from caching.
func touchUncached() {
	if file, err := os.Open("testdata/uncached"); err == nil {
		file.Close()
	}
}

// A variant is a case in one of its ways.
type variant struct {
	Case
	label string
	test  string // the function that declares it
}

// variants are the case's, with all sysctls that apply; own are those of the
// machine, or of a file.
func (c Case) variants(own Sysctls) []variant {
	ways := c.Variants
	if len(ways) == 0 {
		ways = []Variant{{}}
	}
	var out []variant
	for _, way := range ways {
		one := variant{Case: c, label: way.Name}
		one.Sysctls = Sysctls{}
		if c.OwnSettings {
			maps.Copy(one.Sysctls, own)
		}
		maps.Copy(one.Sysctls, c.Sysctls)
		maps.Copy(one.Sysctls, way.Sysctls)
		if way.Ends.State != tcp.Gone {
			one.Ends = way.Ends
		}
		out = append(out, one)
	}
	return out
}

// title names the variant for a reader.
func (v variant) title() string {
	title := v.Name
	if v.Ends.State != tcp.Gone {
		title = v.Ends.String() + ", " + v.Name
	}
	if v.label != "" {
		title += ", " + v.label
	}
	return title
}

// window is what the model says before anything is measured.
func (v variant) window(kernel kernel) tcp.Window {
	model := v.model(kernel)
	return model.Window(v.Ends, model.IdleSocket())
}

func (v variant) model(kernel kernel) tcp.Model {
	model := tcp.Model{HZ: kernel.hz, Settings: kernel.defaults, Release: kernel.version}
	for name, value := range v.Sysctls {
		model.Settings.Set(name, value)
	}
	return model
}

// untold names the rivals that the window overlaps, so that no observation of
// the end can tell them from the prediction.
func (v variant) untold(kernel kernel) string {
	if v.Ends.State == tcp.Gone {
		return ""
	}
	_, untold := v.window(kernel).Distinct()
	var names []string
	for _, rival := range untold {
		names = append(names, rival.Name)
	}
	return strings.Join(names, ", or ")
}

// watched is how long the variant is planned to be watched.
func (v variant) watched(kernel kernel, limit time.Duration) time.Duration {
	if v.Ends.State == tcp.Gone {
		return 0
	}
	window := v.window(kernel)
	if window.Never() {
		return 0
	}
	return min(window.Max(), limit)
}

func runFamilies(t *testing.T, v variant, body func(*testing.T, *Lab)) {
	for _, family := range []Family{IPv4, IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			record := &report.Lab{
				Test: t.Name(), Title: fmt.Sprintf("%s, %v", v.title(), family), Family: family.String(), Rerun: rerun(t.Name()),
			}
			t.Cleanup(func() { session.ended(t, record) })
			requireCase(t, record, family, v.Needs)
			runLab(t, record, v, family, body)
		})
	}
}

// admit waits until the variant may start.
func (v variant) admit() error {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	admission.wait(v.watched(kernel, session.options.Watch))
	return nil
}

// runLab runs the body in a new lab, checks that what was declared was judged,
// and completes the record.
func runLab(t *testing.T, record *report.Lab, v variant, family Family, body func(*testing.T, *Lab)) {
	if err := v.admit(); err != nil {
		t.Fatal(err)
	}
	lab, err := newLab(v.Case, family, session.options.Watch)
	if err != nil {
		record.Reason = err.Error()
		t.Fatal(err)
	}
	lab.Variant = v.label
	session.progress.hold()
	defer lab.conclude(t, record)
	body(t, lab)
	if v.Ends.State != tcp.Gone && !lab.judged(v.Ends.State) {
		lab.reason = fmt.Sprintf("the case declares that a socket ends from %v, and judged none that does", v.Ends.State)
		t.Error(lab.reason)
	}
}

// conclude records what is known of the lab, tells and keeps it where that was
// asked for, and ends the lab.
func (lab *Lab) conclude(t *testing.T, record *report.Lab) {
	lab.requireHits(t)
	if session.recording() || t.Failed() || testing.Verbose() {
		lab.complete(t, record)
	}
	if err := lab.close(); err != nil {
		t.Error(err)
	}
	session.progress.release()
	session.judged(record.Title, lab.verdicts, t.Failed())
}

// complete adds to a record what the lab knows, prints the story of one that
// passed with -v, and preserves the evidence of one that failed.
func (lab *Lab) complete(t *testing.T, record *report.Lab) {
	known, err := lab.record()
	known.Test, known.Title, known.Rerun = record.Test, record.Title, record.Rerun
	*record = known
	switch {
	case t.Failed() && session.preserving():
		err = errors.Join(err, session.preserve(t, lab, record, lab.told(known, err)))
	case !t.Failed() && testing.Verbose():
		fmt.Fprintf(t.Output(), "%s\n%s", record.Title, lab.told(known, err))
	}
	if err != nil {
		t.Error(err)
	}
}

// judged reports whether a verdict on the state was reached.
func (lab *Lab) judged(state tcp.State) bool {
	for _, v := range lab.verdicts {
		if v.window.Ending.State == state && v.outcome != passing {
			return true
		}
	}
	return false
}
