package report

import (
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
)

//go:embed matrix.html
var matrixHTML string

var matrixTemplate = template.Must(template.New("matrix").Parse(matrixHTML))

// WritePage writes the comparison as one HTML page that needs nothing else: a row
// for each lab, those to be looked into first, then those that differ, and a column
// for each run. links lead to the pages of the runs, one for each, empty where there
// is none.
func (c Comparison) WritePage(w io.Writer, links []string) error {
	p := matrixPage{Style: template.CSS(pageStyle), Counts: c.counts(), Class: "good", Unexplained: c.Unexplained()}
	if c.Worse() {
		p.Class = "bad"
	}
	for i, run := range c.runs {
		verdict, class := run.inWords()
		name := c.names[i]
		if len(c.runs) == 2 {
			name = c.label(i) + " " + name
		}
		p.Runs = append(p.Runs, matrixRun{c.label(i), name, links[i], run.kernel(), verdict, class, coarse(run.Took)})
	}
	for _, row := range c.rows {
		line := matrixRow{Name: row.name(), Differs: row.differs}
		if row.differs {
			line.Why = c.why(row)
		}
		for i, lab := range row.labs {
			cell := matrixCell{Text: row.short(i)}
			if lab != nil {
				cell.Class = labView{Lab: *lab}.Class()
				if links[i] != "" {
					cell.Link = links[i] + "#" + lab.Test
				}
			}
			line.Cells = append(line.Cells, cell)
		}
		p.Rows = append(p.Rows, line)
	}
	if err := matrixTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// A matrixPage is what the template shows.
type matrixPage struct {
	Style         template.CSS
	Counts, Class string
	Runs          []matrixRun
	Unexplained   []string
	Rows          []matrixRow
}

type matrixRun struct{ Label, Name, Link, Kernel, Verdict, Class, Took string }

type matrixRow struct {
	Name    string
	Differs bool
	Why     string
	Cells   []matrixCell
}

// A matrixCell links to the lab on the page of its run, if there is one.
type matrixCell struct{ Text, Class, Link string }
