package report

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// unit is what must not be parted from its number.
var unit = regexp.MustCompile(`(\d) (m?s)\b`)

// broken is the text in lines, broken between words, and words that are too
// long for a line anywhere.
func broken(text string, width int) []string {
	const joint = "\u00a0"
	var lines []string
	var line []rune
	for word := range strings.SplitSeq(unit.ReplaceAllString(text, "$1"+joint+"$2"), " ") {
		if len(line) > 0 && len(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, string(line)), nil
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		for line = append(line, []rune(word)...); len(line) > width; line = line[width:] {
			lines = append(lines, string(line[:width]))
		}
	}
	lines = append(lines, string(line))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], joint, " ")
	}
	return lines
}
