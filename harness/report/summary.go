package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Summary is the run in GitHub-flavoured Markdown, for the file that
// GITHUB_STEP_SUMMARY names: how it went, on which kernel, each lab that did not
// pass, and the counts. However many labs there are, it stays far below the
// 1 MiB that GitHub takes.
func Summary(run Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s finwait: %s\n\n%s\n", run.mark(), run.results(), cell(run.machine()))
	if rows := run.troubles(); len(rows) > 0 {
		b.WriteString("\n" + table([]string{"", "lab", "verdict", "window", "observed", "run it again"}, rows))
	}
	if rows, n := run.outcomes(); n > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%s by outcome</summary>\n\n%s\n</details>\n", counted(n, "verdict"), table([]string{"verdicts", "outcome"}, rows))
	}
	return b.String()
}

// marks show the results at a glance.
var marks = map[Result]string{Passed: "✓", Failed: "✗", Inconclusive: "?", Skipped: "–"}

// mark is that of the run: nothing that passed is no pass.
func (r Run) mark() string {
	n := r.count()
	switch {
	case n[Failed]+n[Inconclusive] > 0:
		return marks[Failed]
	case n[Passed] == 0:
		return marks[Skipped]
	}
	return marks[Passed]
}

func (r Run) count() map[Result]int {
	n := map[Result]int{}
	for _, lab := range r.Labs {
		n[lab.Result]++
	}
	return n
}

// results counts the labs, as "324 labs: 2 failed, 322 passed".
func (r Run) results() string {
	n := r.count()
	var parts []string
	for _, result := range []Result{Failed, Inconclusive, Passed, Skipped} {
		if n[result] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[result], result))
		}
	}
	if len(parts) == 0 {
		return "no labs"
	}
	return counted(len(r.Labs), "lab") + ": " + strings.Join(parts, ", ")
}

// notable is the lateness from which on it is worth a word.
const notable = Seconds(25 * time.Millisecond)

// machine says what the run was made on, and when the machine was not on time.
func (r Run) machine() string {
	text := r.kernel()
	if r.Iptables != "" {
		text += ", " + r.Iptables
	}
	if r.SettingsOf != "" {
		text += ", settings of " + r.SettingsOf
	}
	text += fmt.Sprintf("; took %.0f s", r.Took.Duration().Seconds())
	if r.Noise.Overshoot >= notable {
		text += fmt.Sprintf("; timers were late by up to %s", inSeconds(r.Noise.Overshoot))
	}
	if r.Noise.Stolen > 0 {
		text += fmt.Sprintf("; %s of processor time went to other machines", inSeconds(r.Noise.Stolen))
	}
	return text
}

// kernel is the release with the tick rate.
func (r Run) kernel() string { return fmt.Sprintf("Linux %s, HZ %d", r.Kernel, r.HZ) }

// troubles are the labs that did not pass, the worst first.
func (r Run) troubles() [][]string {
	var rows [][]string
	for _, result := range []Result{Failed, Inconclusive, Skipped} {
		for _, lab := range r.Labs {
			if lab.Result == result {
				rows = append(rows, lab.trouble())
			}
		}
	}
	return rows
}

func (l Lab) trouble() []string {
	window, observed := "", ""
	if v := l.refused(); v != nil {
		window, observed = v.window(), v.observed()
	}
	return []string{marks[l.Result] + " " + string(l.Result), cell(l.name()), cell(l.why()), window, observed, code(l.Rerun)}
}

// refused is the verdict that did not pass, nil if there is none.
func (l Lab) refused() *Verdict {
	for i := range l.Verdicts {
		if !l.Verdicts[i].Passed {
			return &l.Verdicts[i]
		}
	}
	return nil
}

// why says in a line why the lab did not pass.
func (l Lab) why() string {
	if v := l.refused(); v != nil && v.Text != "" {
		return v.Text
	}
	return cmp.Or(l.Reason, "the output of go test says why")
}

// name is for a reader, but never empty.
func (l Lab) name() string { return cmp.Or(oneLine(l.Title), l.Test) }

// window is where the end was predicted, with what was allowed beyond it.
func (v Verdict) window() string {
	text := spansOf(v.Window).String()
	if v.Allowed > 0 && len(v.Window) > 0 {
		text += fmt.Sprintf(", and %s for a late machine", inSeconds(v.Allowed))
	}
	return text
}

// observed is how long the state lasted, as far as it was seen.
func (v Verdict) observed() string {
	if v.Over {
		return v.lasted()
	}
	return "still there after " + v.lasted()
}

// outcomes are the numbers of verdicts of each outcome, the most frequent
// first, and of all.
func (r Run) outcomes() (rows [][]string, all int) {
	n := map[string]int{}
	for _, lab := range r.Labs {
		for _, v := range lab.Verdicts {
			n[v.Outcome]++
			all++
		}
	}
	names := slices.SortedFunc(maps.Keys(n), func(a, b string) int {
		return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		rows = append(rows, []string{fmt.Sprint(n[name]), cell(name)})
	}
	return rows, all
}
