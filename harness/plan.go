package harness

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// PlanFormat is how a plan is printed.
type PlanFormat string

// The formats of a plan.
const (
	PlanText PlanFormat = "text"
	PlanJSON PlanFormat = "json"
)

// A plan is what would be done: every case with what the model predicts.
type plan struct {
	// Version is that of the format.
	Version int    `json:"version"`
	Kernel  string `json:"kernel"`
	HZ      int    `json:"hz"`
	// Source says whose settings Settings are.
	Source   string         `json:"settings_of"`
	Settings map[string]int `json:"settings"`
	// RTO is the retransmission timeout that is assumed of every connection.
	RTO       seconds   `json:"assumed_rto"`
	Notes     []string  `json:"notes,omitempty"`
	Surprises []string  `json:"surprises"`
	Cases     []planned `json:"cases"`
}

// planned is one case in one variant.
type planned struct {
	Test   string         `json:"test"`
	Case   string         `json:"case"`
	Set    map[string]int `json:"sysctls,omitempty"`
	State  string         `json:"state,omitempty"`
	Window []planSpan     `json:"window,omitempty"`
	Never  bool           `json:"never,omitempty"`
	Why    string         `json:"why,omitempty"`
	Told   []planRival    `json:"rivals,omitempty"`
	Untold []planRival    `json:"cannot_be_told_from,omitempty"`

	window tcp.Window
}

type planRival struct {
	Name   string     `json:"name"`
	Window []planSpan `json:"window"`

	text string
}

// planSpan is in seconds.
type planSpan struct {
	Min seconds `json:"min"`
	Max seconds `json:"max"`
}

// seconds is a duration in seconds, in JSON.
type seconds time.Duration

// MarshalJSON writes seconds to the millisecond.
func (s seconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", time.Duration(s).Seconds()), nil
}

// planOnly has every test declare its cases, runs none of them, and prints the
// plan. What testing itself would print of that is of no interest.
func (r *run) planOnly(m *testing.M) int {
	silence, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return refuse(err)
	}
	stdout := os.Stdout
	os.Stdout = silence
	code := m.Run()
	os.Stdout = stdout
	if err := silence.Close(); err != nil {
		return refuse(err)
	}
	switch {
	case code == 1:
		return refuse(errors.New("a test failed before it declared its case; run it without -plan"))
	case code != 0: // testing has said which flag is wrong
		return code
	case len(r.declared) == 0:
		return chosenNone()
	}
	if err := r.printPlan(stdout); err != nil {
		return refuse(err)
	}
	return 0
}

func (r *run) printPlan(out io.Writer) error {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	plan := r.makePlan(kernel)
	if r.options.Plan == PlanJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(plan)
	}
	plan.print(out)
	return nil
}

// makePlan predicts every case, the longest first.
func (r *run) makePlan(kernel kernel) plan {
	settings := variant{Case: Case{Sysctls: r.own}}.model(kernel)
	p := plan{
		Version: 1, Kernel: kernel.release, HZ: int(kernel.hz), Source: r.source,
		Settings:  settings.Settings.Values(),
		RTO:       seconds(settings.IdleSocket().RTO),
		Notes:     r.notes,
		Surprises: settings.Surprises(),
	}
	for _, v := range r.declared {
		p.Cases = append(p.Cases, v.planned(kernel))
	}
	slices.SortStableFunc(p.Cases, func(a, b planned) int { return cmp.Compare(b.length(), a.length()) })
	return p
}

func (v variant) planned(kernel kernel) planned {
	one := planned{Test: v.test, Case: v.title(), Set: v.Sysctls}
	if v.Ends.State == tcp.Gone {
		return one
	}
	one.window = v.window(kernel)
	one.State, one.Window, one.Never, one.Why = v.Ends.String(), planSpans(one.window), one.window.Never(), one.window.Explain()
	told, untold := one.window.Distinct()
	one.Told, one.Untold = planRivals(told), planRivals(untold)
	return one
}

// length sorts: what never ends first, what is not timed last.
func (p planned) length() time.Duration {
	switch {
	case p.State == "":
		return -1
	case p.Never:
		return 1<<63 - 1
	}
	return p.window.Max()
}

func planSpans(w tcp.Window) []planSpan {
	spans := make([]planSpan, len(w.Spans))
	for i, span := range w.Spans {
		spans[i] = planSpan{seconds(span.Min), seconds(span.Max)}
	}
	return spans
}

func planRivals(rivals []tcp.Rival) []planRival {
	var out []planRival
	for _, rival := range rivals {
		out = append(out, planRival{rival.Name, planSpans(rival.Window), rival.Window.String()})
	}
	return out
}

// print writes the plan for a reader.
func (p plan) print(out io.Writer) {
	fmt.Fprintf(out, "Linux %s, HZ %d; settings of %s\n", p.Kernel, p.HZ, p.Source)
	fmt.Fprintf(out, "Every window assumes an idle wire: a retransmission timeout of %s. A run takes what TCP_INFO says of its connection.\n", tcp.Text(time.Duration(p.RTO)))
	for _, note := range p.Notes {
		fmt.Fprintf(out, "  %s\n", note)
	}
	for _, surprise := range p.Surprises {
		fmt.Fprintf(out, "\n! %s\n", surprise)
	}
	untimed := 0
	for _, one := range p.Cases {
		if one.State == "" {
			untimed++
			continue
		}
		one.print(out)
	}
	if untimed > 0 {
		fmt.Fprintf(out, "\nJudged by what happens, not by a timer:\n")
	}
	for _, one := range p.Cases {
		if one.State == "" {
			fmt.Fprintf(out, "  %s\n", one.Case)
		}
	}
}

func (p planned) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n  %v\n", p.Case, p.window)
	for line := range strings.Lines(p.Why) {
		fmt.Fprintf(out, "    %s\n", strings.TrimSpace(line))
	}
	for _, rival := range p.Told {
		fmt.Fprintf(out, "    not %s: %s\n", rival.text, rival.Name)
	}
	for _, rival := range p.Untold {
		fmt.Fprintf(out, "    cannot be told from %s: %s\n", rival.text, rival.Name)
	}
}
