package harness

import (
	"fmt"
	"maps"
	"strings"
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
	// OwnSettings adds the settings of the machine that the suite runs on, or
	// those of Options.Settings.
	OwnSettings bool
	// Variants are the ways in which the case is run; once if none.
	Variants []Variant
	// Ends is how the socket ends that is judged. With the zero value nothing
	// is judged by time.
	Ends tcp.Ending
	// Waits is for how long the body waits before it does what is judged. A lab that
	// takes longer is started sooner.
	Waits time.Duration
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
