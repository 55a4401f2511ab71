package tcp

import (
	"fmt"
	"strings"
)

// Explain gives the calculation term by term with the clock that it is counted
// from, then the rule with its settings, then the kernel functions that the
// window follows, and how they depart from the rule if they do: each in a line
// without an end of line.
func (w Window) Explain() string {
	var lines []string
	for _, line := range []string{w.sum(), w.Why, w.Source, w.Deviation} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func (w Window) sum() string {
	if w.Never() || w.Calculation == "" {
		return w.Calculation
	}
	return fmt.Sprintf("%s, counted from when %s", w.Calculation, w.Clock)
}

// several is a number of things, as "1 probe" or "2 probes".
func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
