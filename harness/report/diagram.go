package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The picture is about as wide as a phone has pixels: the times, the lanes of the
// client, the segments with what is said of either host, the lanes of the
// server.
const (
	clientAxis = 59
	serverAxis = 347
	laneWidth  = 12
	laneHalf   = 6
	lineHeight = 15
	headHeight = 44
	textMargin = 7
)

// A diagram is the sequence diagram of a lab, laid out.
type diagram struct {
	Title          string
	Client, Server Host
	Height         int
	// Left and Right are where the lanes end.
	Left, Right int
	Areas       []area
	// Axes, Wire, Lost and Tears are paths of SVG: the axes of the hosts, the
	// segments, a cross where one was dropped or lost, and where time is left out.
	Axes, Wire, Lost, Tears string
	Bars                    []bar
	Ends                    []end
	Times                   []text
	// Columns are the texts of the client, the middle and the server.
	Columns [3]column
}

// A column is texts that stand below each other.
type column struct {
	Class string
	X     int
	Texts []text
}

// An area is a fault or a window on the axis of a host.
type area struct {
	Class               string
	X, Y, Width, Height int
}

// A bar is a state that a socket was in.
type bar struct{ Class, Path string }

// An end is that of a judged state.
type end struct {
	Class string
	X, Y  int
}

// A text is one line, with a state in it set off.
type text struct {
	Y                           int
	Class, Before, State, After string
}

// A drawing is a diagram in the making.
type drawing struct {
	diagram
	entries []entry
	spells  []*spell
	y       int // where the next entry begins
	tears   []tear
}

// A tear is where time is left out behind an entry.
type tear struct{ behind, y int }

// draw lays the diagram out; nil of a lab in which nothing was seen.
func draw(lab Lab) *diagram {
	lab.Transitions = slices.SortedStableFunc(slices.Values(lab.Transitions), func(a, b Transition) int { return cmp.Compare(a.At, b.At) })
	entries := entriesOf(lab)
	if len(entries) == 0 || len(lab.Hosts) != 2 {
		return nil
	}
	d := &drawing{entries: entries, spells: spellsOf(lab, entries), y: headHeight}
	d.Title, d.Client, d.Server = lab.Title, lab.Hosts[0], lab.Hosts[1]
	d.Left = clientAxis + laneHalf + laneWidth*d.lastLane(d.Client.Name)
	d.Right = serverAxis - laneHalf - laneWidth*d.lastLane(d.Server.Name)
	d.Columns[0] = column{Class: "left", X: d.Left + textMargin}
	d.Columns[1] = column{Class: "middle", X: (d.Left + d.Right) / 2}
	d.Columns[2] = column{Class: "right", X: d.Right - textMargin}
	for i := range entries {
		d.pause(i)
		d.place(&entries[i])
	}
	d.Height = d.y + lineHeight
	d.Axes = fmt.Sprintf("M%d %dV%dM%d %[2]dV%[3]d", clientAxis, headHeight-6, d.y, serverAxis)
	d.drawFaults(lab.Faults)
	d.drawWindows(lab.Verdicts)
	d.drawSpells()
	return &d.diagram
}

// lastLane is the one that is farthest from the axis of the host.
func (d *drawing) lastLane(host string) int {
	n := 0
	for _, s := range d.spells {
		if s.Host == host {
			n = max(n, s.lane)
		}
	}
	return n
}

// pause is the time before an entry. A long one takes more room than a short
// one, but never more than a few lines, and says how long it is.
func (d *drawing) pause(i int) {
	const short, tallest = Seconds(100 * time.Millisecond), 36
	if i == 0 {
		return
	}
	gap := d.entries[i].at - d.entries[i-1].until
	if gap < short {
		d.y += 6
		return
	}
	height := 20
	for rest := gap; rest >= 2*short && height < tallest; rest /= 2 {
		height += 2
	}
	middle := d.y + 4 + height/2
	d.say(middle+4, "", []words{{text: "· · · " + stretch(gap) + " · · ·", class: "quiet"}})
	d.tears = append(d.tears, tear{i - 1, middle})
	d.y += 4 + height
}

// stretch is a length of time for reading.
func stretch(s Seconds) string {
	switch d := s.Duration(); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
}

// clock is a moment in seconds, to as much as there is room for.
func clock(at Seconds) string {
	seconds := at.Duration().Seconds()
	if seconds >= 1000 {
		return fmt.Sprintf("%.1f", seconds)
	}
	return fmt.Sprintf("%.3f", seconds)
}

// place lays an entry out: what its sender did, the segment, and what that did
// at the other end. Where there is no segment, both hosts share a line if it is
// long enough.
func (d *drawing) place(e *entry) {
	const baseline = 12
	d.Times = append(d.Times, text{Y: d.y + baseline, Before: clock(e.at)})
	first, second := d.Client.Name, d.Server.Name
	top := d.y
	e.y[first], e.y[second] = top+lineHeight/2, top+lineHeight/2
	if e.instead != "" {
		d.say(d.y+baseline, "", []words{{text: e.instead, class: "quiet"}})
		d.y += lineHeight
		return
	}
	if e.segment != nil && e.segment.From == second {
		first, second = second, first
	}
	d.y = d.say(top+baseline, first, e.says[first])
	switch {
	case e.segment != nil:
		d.arrow(*e.segment)
	case d.fits(e.says[first], e.says[second]):
		d.y = max(d.y, d.say(top+baseline, second, e.says[second]))
		return
	}
	if len(e.says[second]) > 0 {
		e.y[second] = d.y + lineHeight/2
	} else if e.segment != nil {
		e.y[second] = d.y
	}
	d.y = d.say(d.y+baseline, second, e.says[second])
}
