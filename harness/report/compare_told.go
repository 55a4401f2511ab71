package report

import (
	"fmt"
	"slices"
	"strings"
)

// label is short for a run: a letter where there are two, else its kernel,
// with the name where another has the same kernel.
func (c Comparison) label(i int) string {
	if len(c.runs) == 2 {
		return []string{"A", "B"}[i]
	}
	kernel := c.runs[i].Kernel
	for j, run := range c.runs {
		if j != i && run.Kernel == kernel {
			return kernel + " " + c.names[i]
		}
	}
	return kernel
}

// counts says how many labs became what, or of more than two runs, how many
// they agree on; and which runs have no result.
func (c Comparison) counts() string {
	var text string
	switch len(c.runs) {
	case 0:
	case 1:
		text = counted(len(c.rows), "lab") + " and nothing to compare with"
	case 2:
		text = c.countPair()
	default:
		text = c.countMatrix()
	}
	if len(c.lacking) > 0 {
		if text != "" {
			text += "; "
		}
		text += "no result of " + oneLine(strings.Join(c.lacking, ", "))
	}
	return text
}

func (c Comparison) countMatrix() string {
	differing, broken := len(c.differing()), 0
	for _, row := range c.rows {
		if !row.differs && row.broken() {
			broken++
		}
	}
	text := fmt.Sprintf("%s: %d agree", counted(len(c.rows), "lab"), len(c.rows)-differing)
	if broken > 0 {
		text += fmt.Sprintf(" (%d failed or inconclusive in all)", broken)
	}
	text += fmt.Sprintf(", %d differ", differing)
	if n := len(c.Unexplained()); n > 0 {
		text += fmt.Sprintf(" (%d unexplained)", n)
	}
	return text
}

func (c Comparison) countPair() string {
	n, broken := map[change]int{}, 0
	for _, row := range c.rows {
		n[row.changes[1]]++
		if row.changes[1] == same && row.broken() {
			broken++
		}
	}
	text := fmt.Sprintf("%s: %d %s", counted(len(c.rows), "lab"), n[same], same)
	if broken > 0 {
		text += fmt.Sprintf(" (%d failed or inconclusive in both)", broken)
	}
	for _, one := range changes {
		if n[one] > 0 {
			text += fmt.Sprintf(", %d %s", n[one], one)
		}
	}
	if n := len(c.Unexplained()); n > 0 && c.byModel() {
		text += fmt.Sprintf("; %d unexplained", n)
	}
	return text
}

// differing are the labs of which something is to be told.
func (c Comparison) differing() []comparedLab {
	return slices.DeleteFunc(slices.Clone(c.rows), func(row comparedLab) bool { return !row.differs })
}

// name is that of the first run that has the lab.
func (c comparedLab) name() string {
	return c.labs[slices.IndexFunc(c.labs, func(lab *Lab) bool { return lab != nil })].name()
}

// ends are what two runs found of a lab; of one that moved, only what moved.
func (c Comparison) ends(row comparedLab) (was, is string) {
	if row.changes[1] != moved {
		return row.labs[0].told(), row.labs[1].told()
	}
	var before, now []string
	for _, end := range movedEnds(*row.labs[0], *row.labs[1], c.runs[0].HZ == c.runs[1].HZ) {
		before = append(before, oneLine(end.before.Text))
		if end.now == nil {
			now = append(now, fmt.Sprintf("no verdict on the %s in %s", end.before.Host, oneLine(end.before.Ending)))
		} else {
			now = append(now, oneLine(end.now.Text))
		}
	}
	return strings.Join(before, "; "), strings.Join(now, "; ")
}

// told is what was found of the lab, in a line; empty of one that is not there.
func (l *Lab) told() string {
	switch {
	case l == nil:
		return ""
	case l.Result != Passed && l.refused() == nil:
		return string(l.Result) + ": " + oneLine(l.why())
	case l.Result != Passed:
		return oneLine(l.why())
	}
	texts := []string{"passed"}
	if len(l.Verdicts) > 0 {
		texts = nil
	}
	for _, v := range l.Verdicts {
		texts = append(texts, oneLine(v.Text))
	}
	return strings.Join(texts, "; ")
}

// causes are what may explain that a lab moved or did not pass any more. Between
// kernels a difference is called unexplained where the model knows no reason.
func (c Comparison) causes(row comparedLab) string {
	var found []string
	was, is := row.labs[0], row.labs[1]
	because := row.changes[1] == moved || row.changes[1] == worse
	if because {
		found = causes(c.runs[0], c.runs[1], *was, *is)
	}
	if c.byModel() && c.unexplained(row) {
		found = append(found, unexplained)
	}
	switch {
	case !because && len(found) == 0:
		return ""
	case len(found) > 0:
		return strings.Join(found, ", ")
	case len(was.Hosts) == 0 || len(is.Hosts) == 0:
		return "the same kernel and HZ"
	}
	return "the same kernel, HZ and settings"
}

// away marks a lab that moved against the first run.
const away = "≠"

// short is what run i found of the lab, for a cell of a matrix.
func (c comparedLab) short(i int) string {
	lab := c.labs[i]
	switch {
	case lab != nil:
	case c.changes[i] == missing:
		return string(missing)
	default:
		return ""
	}
	text := marks[lab.Result]
	if ends := lab.shortEnds(); ends != "" {
		text += " " + ends
	}
	if c.changes[i] == moved {
		text += " " + away
	}
	return text
}

func (l Lab) shortEnds() string {
	if v := l.refused(); v != nil {
		return v.short()
	}
	var ends []string
	for _, v := range l.Verdicts {
		ends = append(ends, v.short())
	}
	return strings.Join(ends, ", ")
}

// short is when the state ended, or how if that was not by its timer.
func (v Verdict) short() string {
	outcome, _, _ := strings.Cut(oneLine(v.Outcome), " as ")
	outcome = strings.TrimSuffix(outcome, ",")
	switch {
	case v.Outcome == reaped, v.Over && v.Outcome == string(Inconclusive): // its mark says so
		return v.lasted()
	case v.Over && len(v.Window) > 0:
		return outcome + " " + v.lasted()
	}
	return outcome
}
