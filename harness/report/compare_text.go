package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text shows the labs that are not the same in all of the runs, the worst
// first, and the counts. Of two runs it tells what each found and what differs
// in their settings; more are the columns of a matrix.
func (c Comparison) Text() string {
	var b strings.Builder
	for i, run := range c.runs {
		if len(c.runs) == 2 {
			b.WriteString(c.label(i) + "  ")
		}
		fmt.Fprintf(&b, "%s: %s, %s\n", c.names[i], run.kernel(), run.results())
	}
	if len(c.runs) > 0 {
		b.WriteString("\n")
	}
	if rows := c.differing(); len(rows) > 0 {
		if len(c.runs) == 2 {
			c.tellPairs(&b, rows)
		} else {
			c.tellMatrix(&b, rows)
		}
		b.WriteString("\n")
	}
	b.WriteString(c.counts() + "\n")
	return b.String()
}

func (c Comparison) tellPairs(b *strings.Builder, rows []comparedLab) {
	for _, row := range rows {
		fmt.Fprintf(b, "%-11s  %s\n", row.changes[1], row.name())
		was, is := c.ends(row)
		if was != "" {
			fmt.Fprintf(b, "%13sA  %s\n", "", was)
		}
		if is != "" {
			fmt.Fprintf(b, "%13sB  %s\n", "", is)
		}
		if text := c.causes(row); text != "" {
			fmt.Fprintf(b, "%13s%s\n", "", text)
		}
	}
}

func (c Comparison) tellMatrix(b *strings.Builder, rows []comparedLab) {
	lines := [][]string{{"lab"}}
	for i := range c.runs {
		lines[0] = append(lines[0], c.label(i))
	}
	lines[0] = append(lines[0], "why")
	for _, row := range rows {
		line := []string{row.name()}
		for i := range c.runs {
			line = append(line, row.short(i))
		}
		line = append(line, c.why(row))
		lines = append(lines, line)
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, line := range lines {
		text := ""
		for i := range line {
			text += pad(line[i], widths[i]+2)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	b.WriteString("\n" + away + " moved against the first column\n")
}
