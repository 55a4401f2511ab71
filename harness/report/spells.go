package report

import (
	"slices"
	"strings"
)

// A spell is a state that a socket was in, from one entry to another.
type spell struct {
	Transition // that it began with
	until      Seconds
	from, to   int
	// sure is where it was last seen, if that is long before it was over.
	sure int
	// lane tells sockets of a host apart that exist at the same time.
	lane int
	// over says that the state ended.
	over bool
}

// lanes is how many sockets of a host are drawn side by side. Further ones share
// the last lane.
const lanes = 3

// spellsOf are the states of all sockets. Where a host has several of them, the
// entries come to say which one they speak of.
func spellsOf(lab Lab, entries []entry) []*spell {
	told := teller{entries, several(lab)}
	var spells []*spell
	current := map[string]*spell{}
	for _, t := range lab.Transitions {
		i := told.by(t, t.Text, t.At)
		key := t.Host + t.Socket
		s := current[key]
		if s != nil && s.State == t.State {
			s.until = t.Last
			continue
		}
		if s != nil {
			s.to, s.sure, s.over = i, i, true
			if t.unsure() {
				s.sure = told.by(t, lastSeen(s.State), t.After)
			}
		}
		delete(current, key)
		if t.State != gone {
			s = &spell{Transition: t, until: t.Last, from: i, lane: lane(spells, t, i)}
			spells, current[key] = append(spells, s), s
		}
	}
	for _, s := range spells {
		if !s.over {
			s.to = told.by(s.Transition, stillIn(s.State), s.until)
			s.sure = s.to
		}
	}
	return spells
}

// A teller finds what tells of a transition.
type teller struct {
	entries []entry
	several map[string]bool
}

// by is the entry that says the text of the transition's socket, or the nearest
// in time where that is not drawn.
func (all teller) by(t Transition, text string, at Seconds) int {
	i := nearest(all.entries, t.Host, at, func(w words) bool {
		return w.socket == t.Socket && (w.text == text || strings.HasSuffix(w.text, ledTo+text))
	})
	if i < 0 {
		return closest(all.entries, at)
	}
	if all.several[t.Host] {
		all.entries[i].says[t.Host][0].named = true
	}
	return i
}

// nearest is the entry nearest to the moment in which the host is said to have
// done what fits; -1 if there is none.
func nearest(entries []entry, host string, at Seconds, fits func(words) bool) int {
	best := -1
	for i, e := range entries {
		if !e.edge && len(e.says[host]) > 0 && fits(e.says[host][0]) && (best < 0 || e.off(at) < entries[best].off(at)) {
			best = i
		}
	}
	return best
}

// closest is the entry nearest to the moment.
func closest(entries []entry, at Seconds) int {
	best := 0
	for i, e := range entries {
		if !e.edge && e.off(at) < entries[best].off(at) {
			best = i
		}
	}
	return best
}

// off is how far the entry is from the moment.
func (e entry) off(at Seconds) Seconds { return max(e.at-at, at-e.until, 0) }

// last is the last entry in which something happened.
func last(entries []entry) int {
	for i, r := range slices.Backward(entries) {
		if !r.edge {
			return i
		}
	}
	return 0
}

// lane is that of the socket so far, or the first that is free.
func lane(spells []*spell, t Transition, from int) int {
	taken := map[int]bool{}
	for _, s := range spells {
		if s.Host != t.Host {
			continue
		}
		if s.Socket == t.Socket {
			return s.lane
		}
		if !s.over || s.to >= from {
			taken[s.lane] = true
		}
	}
	for i := range lanes {
		if !taken[i] {
			return i
		}
	}
	return lanes - 1
}

// several are the hosts with more than one socket.
func several(lab Lab) map[string]bool {
	first, out := map[string]string{}, map[string]bool{}
	for _, t := range lab.Transitions {
		if socket, known := first[t.Host]; !known {
			first[t.Host] = t.Socket
		} else if socket != t.Socket {
			out[t.Host] = true
		}
	}
	return out
}

// port is that of an address, as ":40000".
func port(addr string) string { return addr[max(0, strings.LastIndexByte(addr, ':')):] }
