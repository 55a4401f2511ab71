package report

import (
	"fmt"
	"slices"
)

// A labView is a lab as the page shows it.
type labView struct {
	Lab
	Diagram *diagram
	// Main is the verdict that the lab is known by: the first that failed, or
	// else the last that was judged by time. It is nil if there is none.
	Main  *Verdict
	Gauge *gauge
}

func view(lab Lab) labView {
	v := labView{Lab: lab, Diagram: draw(lab)}
	for i := range lab.Verdicts {
		one := &lab.Verdicts[i]
		switch {
		case v.Main == nil:
		case !v.Main.Passed:
			continue
		case one.Passed && len(one.Window) == 0 && len(v.Main.Window) > 0:
			continue
		}
		v.Main = one
	}
	if v.Main != nil {
		v.Gauge = gaugeOf(*v.Main)
	}
	return v
}

// Open says that the lab is shown without being asked for.
func (v labView) Open() bool { return v.Result == Failed || v.Result == Inconclusive }

// Outcome is the verdict in a few words.
func (v labView) Outcome() string {
	if v.Main == nil || v.Result == Failed && v.Main.Passed {
		return string(v.Result)
	}
	return v.Main.Outcome
}

// Class is what the result is shown in.
func (v labView) Class() string {
	return map[Result]string{Passed: "good", Failed: "bad", Inconclusive: "unclear", Skipped: "skipped"}[v.Result]
}

// Window is where the end was predicted, empty where none was.
func (v labView) Window() string {
	if v.Gauge == nil {
		return ""
	}
	return spansOf(v.Main.Window).String()
}

// Lasted is how long the judged state lasted, or was watched.
func (v labView) Lasted() string {
	switch {
	case v.Gauge == nil:
		return ""
	case !v.Main.Over:
		return "watched for " + v.Main.lasted()
	}
	return v.Main.lasted()
}

// ByHowMuch is how far the end of a lab that failed is from its window.
func (v labView) ByHowMuch() string {
	if v.Main == nil || v.Main.Passed {
		return ""
	}
	return v.Main.distance()
}

// Predicted are the calculation, its slack and the rule behind the window of a lab that
// failed.
func (v labView) Predicted() []string {
	if v.Main == nil || v.Main.Passed {
		return nil
	}
	return v.Main.Why[:min(3, len(v.Main.Why))]
}

// Says is why the lab did not pass.
func (v labView) Says() []string {
	var lines []string
	if v.Main != nil && !v.Main.Passed {
		lines = append(lines, v.Main.Text)
	}
	if v.Reason != "" && !slices.Contains(lines, v.Reason) {
		lines = append(lines, v.Reason)
	}
	return lines
}

// Noisy reports whether the machine's lateness is worth a line.
func (v labView) Noisy() bool {
	return v.Noise.Overshoot >= notable || v.Noise.Stolen > 0
}

// Freezes are the faults in a line each.
func (v labView) Freezes() []string {
	var lines []string
	for _, f := range v.Faults {
		line := fmt.Sprintf("%s %s at %s", f.Host, f.Text, inSeconds(f.Begin))
		if f.End != nil {
			line += ", healed at " + inSeconds(*f.End)
		}
		lines = append(lines, fmt.Sprintf("%s, dropped %d packets", line, f.Hits))
	}
	return lines
}
