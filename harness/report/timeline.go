package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The columns of a timeline, in characters: with the time and the gaps a line
// has 118.
const (
	textWidth  = 40
	arrowWidth = 24
	indent     = "          "
)

// Timeline is the story of the lab as text: the time in seconds, the client's
// column, the segments, the server's column. A long run of segments of which
// nothing else is to be told is folded. The verdicts are not in it.
func Timeline(lab Lab) string {
	var b strings.Builder
	b.WriteString(row(" time", lab.heading("client"), "", lab.heading("server")))
	all := append(moments(lab), remaining(lab.Transitions)...)
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	nameSockets(all, several(lab))
	b.WriteString(told(all))
	if len(all) == 0 {
		b.WriteString(indent + "nothing was recorded\n")
	}
	if slices.ContainsFunc(lab.Segments, func(s Segment) bool { return s.Arrived == nil }) {
		b.WriteString(indent + "? was sent, and not seen to arrive\n")
	}
	if lab.Unkept > 0 {
		fmt.Fprintf(&b, indent+"… %s passed beyond those that are kept\n", counted(lab.Unkept, "segment"))
	}
	return b.String()
}

// remaining are the moments at which a socket was last seen, long after its last
// transition.
func remaining(transitions []Transition) []moment {
	const long = Seconds(time.Second)
	var out []moment
	told := map[[2]string]bool{}
	for _, t := range slices.Backward(transitions) {
		socket := [2]string{t.Host, t.Socket}
		if !told[socket] && t.State != gone && t.Last-t.At > long {
			m := newMoment(t.Last)
			m.texts[t.Host], m.sockets[t.Host] = stillIn(t.State), t.Socket
			out = append(out, m)
		}
		told[socket] = true
	}
	return out
}

// nameSockets has the texts say which socket they speak of, on the hosts with more
// than one.
func nameSockets(all []moment, several map[string]bool) {
	for _, m := range all {
		for host, socket := range m.sockets {
			if several[host] && socket != "" {
				m.texts[host] += " " + port(socket)
			}
		}
	}
}

// heading names a host by its address.
func (l Lab) heading(name string) string {
	for _, host := range l.Hosts {
		if host.Name == name {
			return name + " " + host.Addr
		}
	}
	return name
}

// told are the lines of the moments, with long runs of plain segments folded.
func told(all []moment) string {
	var b strings.Builder
	fold(all, func(run []moment) { b.WriteString(rows(run)) }, func(run []moment) { b.WriteString(folded(run)) })
	return b.String()
}

// folded is one line for many segments.
func folded(run []moment) string {
	var bytes, dropped, again int
	for _, m := range run {
		bytes += m.segment.Len
		if m.segment.Dropped != "" {
			dropped++
		}
		if m.segment.Repeats {
			again++
		}
	}
	text := fmt.Sprintf("… %s, %s, %s", counted(len(run), "segment"), size(bytes), inSeconds(run[len(run)-1].at-run[0].at))
	if again > 0 {
		text += fmt.Sprintf(", %d again", again)
	}
	if dropped > 0 {
		text += fmt.Sprintf(", %d dropped", dropped)
	}
	return row("", "", text, "")
}

// size is a number of bytes for reading.
func size(bytes int) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// rows shows each of the moments.
func rows(all []moment) string {
	var b strings.Builder
	for _, m := range all {
		arrow := ""
		if m.segment != nil {
			arrow = m.segment.arrow()
		}
		b.WriteString(row(fmt.Sprintf("%7.3f", m.at.Duration().Seconds()), m.texts["client"], arrow, m.texts["server"]))
	}
	return b.String()
}

// row is a moment in as many lines as its longest text needs.
func row(at, client, arrow, server string) string {
	left, right := broken(client, textWidth), broken(server, textWidth)
	var b strings.Builder
	for i := range max(len(left), len(right)) {
		if i > 0 {
			at, arrow = "", ""
		}
		line := pad(at, len(indent)) + pad(nth(left, i), textWidth+2) + pad(arrow, arrowWidth+2) + nth(right, i)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// nth is one of the lines, empty behind the last.
func nth(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// pad counts characters, not bytes.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
