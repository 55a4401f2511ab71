package report

import (
	"fmt"
	"strings"
)

// A table ends before it grows too long to be read, and far below the 1 MiB
// that GitHub shows of a summary.
const (
	mostRows  = 100
	mostBytes = 256 << 10
)

// table is a table in GitHub-flavoured Markdown, and a line that says how many
// rows found no place. The cells must be escaped.
func table(heads []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString(tableRow(heads) + "|" + strings.Repeat(" --- |", len(heads)) + "\n")
	for i, cells := range rows {
		row := tableRow(cells)
		if i == mostRows || b.Len()+len(row) > mostBytes {
			fmt.Fprintf(&b, "\n… and %d more\n", len(rows)-i)
			break
		}
		b.WriteString(row)
	}
	return b.String()
}

func tableRow(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

var inCell = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `~`, `\~`, `|`, `\|`, `[`, `\[`, `]`, `\]`, `$`, `\$`,
	`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`,
)

// cell has the text shown as it is, in one line.
func cell(text string) string { return inCell.Replace(oneLine(text)) }

// code has the text shown as it is, to be copied.
func code(text string) string {
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	space := ""
	if len(fence) > 1 {
		space = " " // parts the fence from a ` at either end
	}
	return fence + space + strings.ReplaceAll(oneLine(text), "|", `\|`) + space + fence
}

// oneLine has no line breaks, nor other runs of space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
