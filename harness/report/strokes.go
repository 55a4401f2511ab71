package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// arrow draws the segment below the line that was said last, with room for what
// it carries. One that was injected begins on the way, one that did not arrive
// ends there, and one that a fault dropped ends right before the other host.
func (d *drawing) arrow(s Segment) {
	const height, slope = 21, 9
	from, to, way := d.Left+2, d.Right-2, 1
	if s.From == d.Server.Name {
		from, to, way = to, from, -1
	}
	top := d.y + 5
	at := func(percent int) (x, y int) { return from + (to-from)*percent/100, top + slope*percent/100 }
	begin, arrives := 0, 100
	if s.Sent == nil {
		begin = 20
	}
	switch {
	case s.Arrived == nil:
		arrives = 80
	case s.Dropped != "":
		arrives = 95
	}
	room := 50 * int(widestChar*float64(utf8.RuneCountInString(s.label())+2)) / (d.Right - d.Left)
	for _, part := range [][2]int{{begin, 50 - room}, {50 + room, arrives}} {
		x, y := at(part[0])
		toX, toY := at(part[1])
		d.Wire += fmt.Sprintf("M%d %dL%d %d", x, y, toX, toY)
	}
	tip, tipY := at(arrives)
	if arrives == 100 {
		d.Wire += fmt.Sprintf("m%d -4l%d 4 %d 4", -7*way, 7*way, -7*way)
	} else {
		d.Lost += fmt.Sprintf("M%d %dl8 8m0-8l-8 8", tip-4, tipY-4)
	}
	d.say(top+slope/2+4, "", []words{{text: s.label()}})
	d.y += height
}

// drawSpells draws the states, where time is left out of them, and the ends
// that were judged.
func (d *drawing) drawSpells() {
	for _, s := range d.spells {
		at := func(entry int) int { return d.entries[entry].y[s.Host] }
		x, begin, sure, over := d.axis(s.Host, s.lane), at(s.from), at(s.sure), at(s.to)
		class := strings.ToLower(s.State)
		d.Bars = append(d.Bars, bar{class, fmt.Sprintf("M%d %dV%d", x, begin, max(sure-1, begin+2))})
		if !s.over {
			over += 10
		}
		if over > sure {
			d.Bars = append(d.Bars, bar{class + " unsure", fmt.Sprintf("M%d %dV%d", x, sure+1, over)})
		}
		if said := d.entries[s.to].says[s.Host]; len(said) > 1 {
			d.Ends = append(d.Ends, end{said[len(said)-1].class, x, at(s.to)})
		}
		for _, tear := range d.tears {
			if s.lane > 0 && s.from <= tear.behind && tear.behind < s.to {
				d.tear(x, tear.y)
			}
		}
	}
	for _, tear := range d.tears {
		d.tear(clientAxis, tear.y)
		d.tear(serverAxis, tear.y)
	}
}

// axis is the middle of a lane.
func (d *drawing) axis(host string, lane int) int {
	if host == d.Client.Name {
		return clientAxis + lane*laneWidth
	}
	return serverAxis - lane*laneWidth
}

func (d *drawing) tear(x, y int) { d.Tears += fmt.Sprintf("M%d %dl4-4 4 4 4-4 4 4", x-8, y+2) }

// drawFaults shades the host from where a fault began to where it was healed.
func (d *drawing) drawFaults(faults []Fault) {
	for _, fault := range faults {
		begin, healed := d.height(fault.Host, fault.Text, fault.Begin), d.entries[last(d.entries)].y[fault.Host]+lineHeight/2
		if fault.End != nil {
			healed = d.height(fault.Host, fault.healed(), *fault.End)
		}
		d.shade("fault", fault.Host, begin, healed)
	}
}

// height is where the host is said to have done that.
func (d *drawing) height(host, text string, at Seconds) int {
	i := nearest(d.entries, host, at, func(w words) bool { return w.text == text })
	if i < 0 {
		i = closest(d.entries, at)
	}
	return d.entries[i].y[host]
}

// drawWindows shades where the ends were predicted.
func (d *drawing) drawWindows(verdicts []Verdict) {
	for _, v := range verdicts {
		for _, span := range v.Window {
			opens, closes := d.edge(v.Host, v.Start.Min+span.Min), d.edge(v.Host, v.Start.Max+span.Max)
			d.shade("window", v.Host, opens, closes)
		}
	}
}

// edge is the height at which a window of the host opens or closes.
func (d *drawing) edge(host string, at Seconds) int {
	for _, e := range d.entries {
		if e.edge && e.at == at && len(e.says[host]) > 0 {
			return e.y[host]
		}
	}
	return d.y
}

func (d *drawing) shade(class, host string, begin, end int) {
	const margin = 5
	x, width := clientAxis-laneHalf-margin, d.Left-clientAxis+laneHalf+2*margin-2
	if host == d.Server.Name {
		x, width = d.Right-margin+2, serverAxis+laneHalf-d.Right+2*margin-2
	}
	d.Areas = append(d.Areas, area{class, x, begin, width, max(end-begin, 2)})
}
