package report

import (
	"strings"
	"unicode/utf8"
)

// say puts the words below each other from the baseline y on, at the lanes of
// the host or, without one, in the middle. It returns where the next line
// begins.
func (d *drawing) say(y int, host string, all []words) int {
	const baseline = 12
	in := &d.Columns[1]
	switch host {
	case d.Client.Name:
		in = &d.Columns[0]
	case d.Server.Name:
		in = &d.Columns[2]
	}
	for _, w := range all {
		for _, line := range broken(w.String(), d.columns()) {
			before, state, after := d.stateIn(line)
			in.Texts = append(in.Texts, text{y, w.class, before, state, after})
			y += lineHeight
		}
	}
	return y - baseline
}

// widestChar is the width of a character in the widest of the usual fonts.
const widestChar = 7.3

// columns is how many characters there is room for between the lanes.
func (d *drawing) columns() int {
	return int(float64(d.Right-d.Left-2*textMargin) / widestChar)
}

// fits reports whether the words of the hosts have room beside each other.
func (d *drawing) fits(left, right []words) bool {
	const apart = 2
	return longest(left)+apart+longest(right) <= d.columns()
}

func longest(all []words) int {
	n := 0
	for _, w := range all {
		n = max(n, utf8.RuneCountInString(w.String()))
	}
	return n
}

// stateIn finds the first state that is drawn in the line.
func (d *drawing) stateIn(line string) (before, state, after string) {
	at := len(line)
	for _, s := range d.spells {
		if i := strings.Index(line, s.State); i >= 0 && (i < at || i == at && len(s.State) > len(state)) {
			at, state = i, s.State
		}
	}
	return line[:at], state, line[at+len(state):]
}
