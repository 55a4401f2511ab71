package report

import (
	"fmt"
	"strings"
)

// Markdown is the same as Text in GitHub-flavoured Markdown, with the first 100
// labs at the most.
func (c Comparison) Markdown() string {
	mark := marks[Passed]
	if c.Worse() {
		mark = marks[Failed]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s finwait: %s\n\n", mark, cell(c.counts()))
	for i, run := range c.runs {
		b.WriteString("- ")
		if len(c.runs) == 2 {
			b.WriteString(c.label(i) + " ")
		}
		fmt.Fprintf(&b, "%s: %s, %s\n", code(c.names[i]), cell(run.kernel()), run.results())
	}
	if rows := c.differing(); len(rows) > 0 {
		b.WriteString("\n")
		if len(c.runs) == 2 {
			b.WriteString(c.pairTable(rows))
		} else {
			b.WriteString(c.matrixTable(rows))
		}
	}
	return b.String()
}

func (c Comparison) pairTable(rows []comparedLab) string {
	var cells [][]string
	for _, row := range rows {
		was, is := c.ends(row)
		cells = append(cells, []string{string(row.changes[1]), cell(row.name()), cell(was), cell(is), cell(c.causes(row))})
	}
	return table([]string{"", "lab", "A", "B", "what differs"}, cells)
}

func (c Comparison) matrixTable(rows []comparedLab) string {
	heads := []string{"lab"}
	for i := range c.runs {
		heads = append(heads, cell(c.label(i)))
	}
	heads = append(heads, "why")
	var cells [][]string
	for _, row := range rows {
		line := []string{cell(row.name())}
		for i := range c.runs {
			line = append(line, cell(row.short(i)))
		}
		line = append(line, cell(c.why(row)))
		cells = append(cells, line)
	}
	return table(heads, cells) + "\n" + away + " moved against the first column\n"
}
