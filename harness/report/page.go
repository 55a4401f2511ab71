package report

import (
	"cmp"
	_ "embed" // the template, its style and its script
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"stretch": stretch,
	"window":  func(intervals []Interval) string { return spansOf(intervals).String() },
	"counted": counted,
}).Parse(pageHTML))

// WritePage writes the run as one HTML page that needs nothing else: a summary,
// a table of all labs, and the sequence diagram of each.
func WritePage(w io.Writer, run Run) error {
	p := page{Run: run, Groups: grouped(run.Labs), Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	p.Verdict, p.Class = run.inWords()
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// A page is what the template shows.
type page struct {
	Run
	Style   template.CSS
	Script  template.JS
	Verdict string
	Class   string
	// Groups are the labs that differ by their family alone, those that failed
	// first.
	Groups []group
}

// A group is one case in each of the families.
type group struct {
	Title string
	Labs  []labView
}

// inWords is the result of the run, and the class it is shown in.
func (r Run) inWords() (verdict, class string) {
	n, labs := r.count(), counted(len(r.Labs), "lab")
	switch {
	case len(r.Labs) == 0:
		return "No lab was run", "unclear"
	case n[Passed] == 1 && len(r.Labs) == 1:
		return "The only lab passed", "good"
	case n[Passed] == len(r.Labs):
		return "All " + labs + " passed", "good"
	case n[Failed] > 0:
		verdict, class = fmt.Sprintf("%d of %s failed", n[Failed], labs), "bad"
		if n[Inconclusive] > 0 {
			verdict += fmt.Sprintf(", %d inconclusive", n[Inconclusive])
		}
	case n[Inconclusive] > 0:
		verdict, class = fmt.Sprintf("%d of %s inconclusive", n[Inconclusive], labs), "unclear"
	case n[Passed] > 0:
		verdict, class = fmt.Sprintf("%d of %s passed", n[Passed], labs), "good"
	default:
		return "No lab passed: all were skipped", "unclear"
	}
	if n[Skipped] > 0 {
		verdict += fmt.Sprintf(", %d skipped", n[Skipped])
	}
	return verdict, class
}

// grouped puts the families of a case together. What failed comes first, then
// what is inconclusive, then the others in order of title.
func grouped(labs []Lab) []group {
	var groups []group
	index := map[string]int{}
	for _, lab := range labs {
		title := strings.TrimSuffix(lab.Title, ", "+lab.Family)
		i, known := index[title]
		if !known {
			i, index[title] = len(groups), len(groups)
			groups = append(groups, group{Title: title})
		}
		groups[i].Labs = append(groups[i].Labs, view(lab))
	}
	for _, g := range groups {
		slices.SortStableFunc(g.Labs, func(a, b labView) int { return cmp.Compare(a.Family, b.Family) })
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), natural(a.Title, b.Title))
	})
	return groups
}

// rank is that of the worst of the labs.
func (g group) rank() int {
	rank := 2
	for _, lab := range g.Labs {
		switch lab.Result {
		case Failed:
			rank = 0
		case Inconclusive:
			rank = min(rank, 1)
		}
	}
	return rank
}

// Troubles are the labs that failed, then those that are inconclusive.
func (p page) Troubles() []labView {
	var out []labView
	for _, g := range p.Groups {
		for _, lab := range g.Labs {
			if lab.Result == Failed || lab.Result == Inconclusive {
				out = append(out, lab)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b labView) int { return cmp.Compare(a.Result, b.Result) })
	return out
}

// Outcomes are the numbers of verdicts, as "212 reaped in its window, 4 armed".
func (p page) Outcomes() string {
	rows, _ := p.outcomes()
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = strings.Join(row, " ")
	}
	return strings.Join(texts, ", ")
}

// When is the moment at which the run began.
func (p page) When() string { return p.Started.Format("2 January 2006, 15:04 MST") }

// Duration is how long the run took.
func (p page) Duration() string { return coarse(p.Took) }

// Watched is for how long a state was watched at the most.
func (p page) Watched() string { return coarse(p.Watch) }

// coarse is a duration that nobody compares.
func coarse(s Seconds) string {
	d := s.Duration()
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	text := fmt.Sprintf("%d min", int(d.Minutes()))
	if rest := d % time.Minute; rest > 0 {
		text += fmt.Sprintf(" %d s", int(rest.Seconds()))
	}
	return text
}

// natural compares numbers in the texts by their value: 2 comes before 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		if c := cmp.Or(cmp.Compare(x, y), cmp.Compare(a[:x], b[:y])); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many of them the text begins with.
func digits(text string) int { return len(text) - len(strings.TrimLeft(text, "0123456789")) }
