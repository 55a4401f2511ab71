package harness

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

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
	// Sweep runs the case once for each value of one more sysctl.
	Sweep Sweep
	// Ends is how the socket ends that is judged. With the zero value nothing
	// is judged by time.
	Ends tcp.Ending
}

// Sweep is a sysctl and the values that it takes in turn.
type Sweep struct {
	Sysctl string
	Values []int
}

// Run runs a case in IPv4 and in IPv6, for every value of its sweep, each in a
// lab of its own and all at once. It must be the last statement of a top-level
// test and be called once: it returns when the case has ended in every lab,
// and the test runs in parallel with the others from then on.
//
// The verdict depends on the kernel, which go test does not track. Run
// therefore opens testdata/uncached: where that is a link to a file of /proc,
// go test never answers from its cache.
func Run(t *testing.T, c Case, body func(t *testing.T, lab *Lab)) {
	t.Helper()
	touchUncached()
	variants := c.variants()
	if len(variants) == 0 {
		t.Fatalf("the sweep of %s has no values: nothing would be tested", c.Sweep.Sysctl)
	}
	session.declare(variants)
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

// A variant is a case with one value of its sweep.
type variant struct {
	Case
	label string
}

func (c Case) variants() []variant {
	if c.Sweep.Sysctl == "" {
		return []variant{{Case: c}}
	}
	var out []variant
	for _, value := range c.Sweep.Values {
		one := c
		one.Sysctls = maps.Clone(c.Sysctls)
		if one.Sysctls == nil {
			one.Sysctls = Sysctls{}
		}
		one.Sysctls[c.Sweep.Sysctl] = value
		out = append(out, variant{one, fmt.Sprintf("%s=%d", c.Sweep.Sysctl, value)})
	}
	return out
}

// title names the variant for a reader.
func (v variant) title() string {
	title := v.Name
	if v.Ends.State != tcp.Gone {
		title = v.Ends.State.String() + ", " + v.Name
	}
	if v.label != "" {
		title += ", " + v.label
	}
	return title
}

// window is what the model says before anything is measured.
func (v variant) window(kernel kernel) tcp.Window {
	model := tcp.Model{HZ: kernel.hz, Settings: tcp.DefaultSettings()}
	for name, value := range v.Sysctls {
		model.Settings.Set(name, value)
	}
	return model.Window(v.Ends, model.IdleSocket())
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
		return limit
	}
	return min(window.Max(), limit)
}

func runFamilies(t *testing.T, v variant, body func(*testing.T, *Lab)) {
	for _, family := range []Family{IPv4, IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			title := fmt.Sprintf("%s, %v", v.title(), family)
			t.Cleanup(func() { session.ended(t, title) })
			requireFamily(t, family)
			runLab(t, title, v, family, body)
		})
	}
}

// runLab runs the body in a new lab and checks that what was declared was
// judged.
func runLab(t *testing.T, title string, v variant, family Family, body func(*testing.T, *Lab)) {
	lab, err := newLab(v.Case, family, session.options.Watch)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if testing.Verbose() && !t.Failed() {
			fmt.Fprintf(t.Output(), "%s\n%s", title, lab.tell())
		}
		lab.finish(t)
		session.judged(title, lab.verdicts, t.Failed())
	}()
	body(t, lab)
	if v.Ends.State != tcp.Gone && !lab.judged(v.Ends.State) {
		t.Errorf("the case declares that a socket ends from %v, and judged none that does", v.Ends.State)
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
