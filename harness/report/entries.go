package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// An entry is one moment of the diagram: what happened on either host, and the
// segment that passed between them, if any.
type entry struct {
	at      Seconds
	until   Seconds            // of many moments, the last
	says    map[string][]words // by host, one below the other
	segment *Segment
	// edge marks the begin or the end of a window: nothing happened then.
	edge bool
	// instead stands in the middle, for moments that are not drawn.
	instead string
	// y is where it happened on each host, once the entry is laid out.
	y map[string]int
}

// Words are what is said of a host at a moment, and how that is drawn.
type words struct {
	text, class string
	socket      string // that they speak of, where they tell of a transition
	// named has them say which socket that is, of several.
	named bool
}

func (w words) String() string {
	if !w.named {
		return w.text
	}
	return w.text + " " + port(w.socket)
}

// entriesOf are those of the lab in order of time: its moments, what is left in
// the end, the windows, and how the ends lie beside them.
func entriesOf(lab Lab) []entry {
	entries := shorten(seen(moments(lab)))
	entries = slices.Concat(entries, unsure(lab), remains(lab))
	for _, v := range lab.Verdicts {
		entries = append(entries, edges(v)...)
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	for _, v := range lab.Verdicts {
		remark(entries, v)
	}
	return entries
}

func newEntry(at Seconds) entry {
	return entry{at: at, until: at, says: map[string][]words{}, y: map[string]int{}}
}

// seen are the moments, but of many segments in a row that neither begin nor end
// a connection only the first and the last ones.
func seen(all []moment) []entry {
	var entries []entry
	fold(all,
		func(run []moment) { entries = append(entries, each(run)...) },
		func(run []moment) { entries = append(entries, instead(run)) })
	return entries
}

// each is an entry for each of the moments.
func each(all []moment) []entry {
	var entries []entry
	for _, m := range all {
		e := newEntry(m.at)
		e.segment = m.segment
		for host, text := range m.texts {
			e.says[host] = []words{{text: text, socket: m.sockets[host]}}
		}
		entries = append(entries, e)
	}
	return entries
}

// instead is one entry in the place of many segments.
func instead(run []moment) entry {
	bytes := 0
	for _, m := range run {
		bytes += m.segment.Len
	}
	e := newEntry(run[0].at)
	e.until = run[len(run)-1].at
	e.instead = fmt.Sprintf("… %s, %s", counted(len(run), "segment"), size(bytes))
	return e
}

// shorten leaves out moments in the middle, where there are more than anybody
// reads: a chain of a hundred probes looks the same all along.
func shorten(entries []entry) []entry {
	const head, tail = 50, 20
	if len(entries) <= head+tail {
		return entries
	}
	cut := newEntry(entries[head].at)
	cut.until = entries[len(entries)-tail-1].until
	cut.instead = fmt.Sprintf("… %s", counted(len(entries)-head-tail, "moment"))
	return slices.Concat(entries[:head], []entry{cut}, entries[len(entries)-tail:])
}

// unsure says when a socket was last seen in a state, where the end of that is
// known less well than to a few milliseconds.
func unsure(lab Lab) []entry {
	states := map[string]string{}
	var entries []entry
	for _, t := range lab.Transitions {
		if state := states[t.Host+t.Socket]; state != "" && state != t.State && t.unsure() {
			e := newEntry(t.After)
			e.says[t.Host] = []words{{text: lastSeen(state), socket: t.Socket}}
			entries = append(entries, e)
		}
		states[t.Host+t.Socket] = t.State
	}
	return entries
}

// unsure reports whether nobody looked for a while before the transition.
func (t Transition) unsure() bool { return t.At-t.After > atOnce }

func lastSeen(state string) string { return "last seen in " + state }

// remains says which sockets were still there when they were last looked at.
// One of each host share an entry.
func remains(lab Lab) []entry {
	latest := map[string]Transition{}
	for _, t := range lab.Transitions {
		latest[t.Host+t.Socket] = t
	}
	var entries []entry
	for _, t := range lab.Transitions {
		if t == latest[t.Host+t.Socket] && t.State != gone {
			e := newEntry(max(t.Last, t.At))
			e.says[t.Host] = []words{{text: stillIn(t.State), socket: t.Socket}}
			entries = append(entries, e)
		}
	}
	const together = Seconds(100 * time.Millisecond)
	if len(entries) != 2 || max(entries[0].at-entries[1].at, entries[1].at-entries[0].at) > together {
		return entries
	}
	for host, said := range entries[0].says {
		if entries[1].says[host] != nil {
			return entries
		}
		entries[1].says[host] = said
	}
	entries[1].at = max(entries[0].at, entries[1].at)
	return entries[1:]
}

func stillIn(state string) string { return "still " + state }

// edges are the begin and the end of each span of the window.
func edges(v Verdict) []entry {
	var entries []entry
	edge := func(at Seconds, text string) {
		r := newEntry(at)
		r.edge = true
		r.says[v.Host] = []words{{text: text, class: "window"}}
		entries = append(entries, r)
	}
	for _, span := range v.Window {
		edge(v.Start.Min+span.Min, fmt.Sprintf("window opens, %s after %s", inSeconds(span.Min), v.Clock))
		edge(v.Start.Max+span.Max, "window closes, "+inSeconds(span.Max))
	}
	return entries
}

// remark says at the end of the state how it lies beside the window, or how the
// state was judged that had not ended.
func remark(entries []entry, v Verdict) {
	end, text := v.Start.Min+v.Lasted.Max, v.Outcome
	fits := func(w words) bool { return w.text == stillIn(v.State) }
	switch {
	case len(v.Window) == 0 && v.Over:
		return
	case v.Over:
		text = fmt.Sprintf("after %s, %s", v.lasted(), v.distance())
		fits = func(words) bool { return true }
	case len(v.Window) > 0 && !v.Passed:
		text += ", " + v.distance()
	}
	if i := nearest(entries, v.Host, end, fits); i >= 0 {
		entries[i].says[v.Host] = append(entries[i].says[v.Host], words{text: text, class: v.class()})
	}
}
