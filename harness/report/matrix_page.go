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
// for each lab, those that differ first, and a column for each run. links lead to the
// pages of the runs, one for each.
func (c Comparison) WritePage(w io.Writer, links []string) error {
	p := matrixPage{Style: template.CSS(pageStyle), Counts: c.counts(), Class: "good"}
	for i, run := range c.runs {
		verdict, class := run.inWords()
		p.Runs = append(p.Runs, matrixRun{c.label(i), c.names[i], links[i], run.kernel(), verdict, class, coarse(run.Took)})
		if class != "good" {
			p.Class = "bad"
		}
	}
	for _, row := range c.rows {
		line := matrixRow{Name: row.name(), Differs: row.differs}
		if row.differs {
			line.Why = c.why(row)
		}
		for i, lab := range row.labs {
			cell := matrixCell{Text: row.short(i)}
			if lab != nil {
				cell.Class, cell.Link = labView{Lab: *lab}.Class(), links[i]+"#"+lab.Test
			}
			line.Cells = append(line.Cells, cell)
		}
		p.Rows = append(p.Rows, line)
	}
	p.Unexplained = c.Unexplained()
	if len(p.Unexplained) > 0 {
		p.Class = "bad"
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

// A matrixCell links to the lab on the page of its run.
type matrixCell struct{ Text, Class, Link string }
