package harness

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

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
var touchUncached = sync.OnceFunc(func() {
	if file, err := os.Open("testdata/uncached"); err == nil {
		file.Close()
	}
})

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
	priority := v.watched(kernel, session.options.Watch)
	if priority == 0 {
		priority = untimed
	}
	return admission.wait(priority + v.Waits)
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
