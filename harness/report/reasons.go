package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/finwait/finwait/harness/tcp"
)

// Unexplained are the titles of the labs that passed, or were skipped, and did not do
// the same in all of the runs, for no reason that the model knows. The reasons are what
// it computes with: sysctls, of which a release may be the first to have them, what
// a release changed, and the connection's retransmission timeout.
func (c Comparison) Unexplained() []string {
	var names []string
	for _, row := range c.rows {
		if c.unexplained(row) {
			names = append(names, row.name())
		}
	}
	return names
}

func (c Comparison) unexplained(row comparedLab) bool {
	_, all := c.reasons(row)
	return row.differs && !all
}

// reasons are why the lab did not do the same in all of the runs; all is false if there
// is none for some of the differences.
func (c Comparison) reasons(row comparedLab) (texts []string, all bool) {
	all = true
	for _, step := range c.steps(row) {
		found := c.reasonsBetween(row, step[0], step[1])
		all = all && len(found) > 0
		texts = append(texts, found...)
	}
	slices.Sort(texts)
	return slices.Compact(texts), all && len(texts) > 0
}

// steps are the runs between which the lab differs: those that stand next to each other,
// or, where none of these do, the others, for what wanders a little with each may end
// where the first was not.
func (c Comparison) steps(row comparedLab) (steps [][2]int) {
	for distance := 1; distance < len(c.runs); distance++ {
		for i := distance; i < len(c.runs); i++ {
			if row.between(c.runs, i-distance, i) != same {
				steps = append(steps, [2]int{i - distance, i})
			}
		}
		if len(steps) > 0 {
			break
		}
	}
	return steps
}

// unexplained is in place of a reason.
const unexplained = "unexplained"

// why are the reasons in a line, which says so if there is none.
func (c Comparison) why(row comparedLab) string {
	texts, all := c.reasons(row)
	if !all {
		texts = append(texts, unexplained)
	}
	return strings.Join(texts, "; ")
}

func (c Comparison) reasonsBetween(row comparedLab, i, j int) []string {
	was, is := row.labs[i], row.labs[j]
	if was == nil || is == nil {
		return nil
	}
	var texts []string
	for _, k := range []int{i, j} {
		if lab := row.labs[k]; badness(lab.Result) >= badness(Inconclusive) {
			texts = append(texts, fmt.Sprintf("%s on %s", lab.Result, c.label(k)))
		}
	}
	if len(texts) > 0 {
		return texts
	}
	return modelled(c.runs[i], c.runs[j], *was, *is)
}

// modelled are the inputs of the model that the lab depends on, and that were not
// the same in two runs.
func modelled(before, now Run, was, is Lab) []string {
	depends := append(was.words(), is.words()...)
	var texts []string
	for _, text := range settingsChanged(was, is) {
		if name, _, _ := strings.Cut(text, " "); slices.Contains(depends, name) {
			texts = append(texts, text)
		}
	}
	for _, change := range changesBetween(before.Kernel, now.Kernel) {
		if !slices.Contains(depends, change.Sysctl) || change.State != tcp.Gone && !was.judged(change.State) {
			continue
		}
		changed := func(text string) bool { return change.New() && strings.HasPrefix(text, change.Sysctl+" ") }
		if i := slices.IndexFunc(texts, changed); i >= 0 {
			texts[i] += fmt.Sprintf(" (%v)", change.Since)
		} else {
			texts = append(texts, change.String())
		}
	}
	for _, end := range movedEnds(was, is, before.HZ == now.HZ) {
		if text := end.rtoChanged(); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// changesBetween are those between two releases as uname -r prints them.
func changesBetween(before, now string) []tcp.Change {
	a, err := tcp.ParseRelease(before)
	b, otherErr := tcp.ParseRelease(now)
	if cmp.Or(err, otherErr) != nil {
		return nil // a release that nothing is known of
	}
	return tcp.ChangesBetween(a, b)
}

// judged reports whether the end of the state was.
func (l Lab) judged(state tcp.State) bool {
	return slices.ContainsFunc(l.Verdicts, func(v Verdict) bool { return v.State == state.String() })
}

// words are those that say what the windows follow from, or why the lab was skipped.
func (l Lab) words() []string {
	text := l.Reason
	for _, v := range l.Verdicts {
		text += " " + strings.Join(v.Why, " ")
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}
