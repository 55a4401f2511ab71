package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A moment is one line of a lab's story: what happened on either host at about
// the same time, and the segment that passed between them, if any.
type moment struct {
	at      Seconds
	texts   map[string]string // by the name of the host
	sockets map[string]string // that the texts speak of, where they tell of a transition
	segment *Segment
}

func newMoment(at Seconds) moment {
	return moment{at: at, texts: map[string]string{}, sockets: map[string]string{}}
}

// atOnce is how soon after a call its segment leaves and its state shows.
const atOnce = Seconds(20 * time.Millisecond)

// moments merges everything that is known of a lab, in order of time. A call
// and a transition stand beside the segment that they sent, or that brought them
// about.
func moments(lab Lab) []moment {
	var out []moment
	for i := range lab.Segments {
		m := newMoment(lab.Segments[i].passed())
		m.segment = &lab.Segments[i]
		out = append(out, m)
	}
	for _, happening := range happenings(lab) {
		out = happening.place(out)
	}
	slices.SortStableFunc(out, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return out
}

// passed is when the segment was first seen.
func (s Segment) passed() Seconds {
	if s.Sent != nil {
		return *s.Sent
	}
	return *s.Arrived
}

// near is when the segment passed the host's end of the wire, nil if it did not.
func (s Segment) near(host string) *Seconds {
	if s.From == host {
		return s.Sent
	}
	return s.Arrived
}

// A happening is a call, a transition, or an end of a fault.
type happening struct {
	after, at Seconds
	host      string
	text      string
	socket    string // of a transition
	// beside reports whether a segment belongs to it; nil for none.
	beside func(Segment) bool
	// sends marks a call, which stands beside the first segment that fits;
	// whatever else happens stands beside the last.
	sends bool
	// spare is by how much the watch and the capture may disagree. A call is
	// noted before it sends anything.
	spare Seconds
}

// happenings are those of the lab, in order of time. A transition that follows a
// call at once is told with it.
func happenings(lab Lab) []happening {
	var out []happening
	calls := map[int]bool{}
	for _, note := range lab.Notes {
		h := happening{after: note.At, at: note.At, host: note.Host, text: note.Text}
		if note.Call {
			calls[len(out)] = true
			h.at += atOnce
			h.sends = true
			h.beside = func(s Segment) bool { return s.From == note.Host }
		}
		out = append(out, h)
	}
	for _, fault := range lab.Faults {
		out = append(out, happening{after: fault.Begin, at: fault.Begin, host: fault.Host, text: fault.Text})
		if fault.End != nil {
			out = append(out, happening{after: *fault.End, at: *fault.End, host: fault.Host, text: fault.healed()})
		}
	}
	for _, t := range lab.Transitions {
		h := happening{after: t.After, at: t.At, host: t.Host, text: t.Text, socket: t.Socket, spare: Seconds(time.Millisecond), beside: t.broughtBy}
		reset := t.State == gone && slices.ContainsFunc(lab.Segments, func(s Segment) bool { return s.resets() && h.belongs(s) })
		if i := led(out, calls, t); i >= 0 && !reset && !heard(lab, t.Host, out[i].after, t.At) {
			out[i].text += ledTo + t.Text
			out[i].socket = t.Socket
			delete(calls, i)
			continue
		}
		out = append(out, h)
	}
	slices.SortStableFunc(out, func(a, b happening) int { return cmp.Compare(a.after, b.after) })
	return out
}

// healed tells of the end of the fault.
func (f Fault) healed() string { return fmt.Sprintf("healed, %d packets were dropped", f.Hits) }

// gone is the state of a socket that is no more.
const gone = "gone"

// ledTo stands between a call and the transition that it led to.
const ledTo = " → "

// broughtBy reports whether the segment may have to do with the transition: one of
// its socket, and if it came in, none that a fault dropped. A socket goes with no
// segment that it sends.
func (t Transition) broughtBy(s Segment) bool {
	if s.From == t.Host {
		return s.Src == t.Socket && t.State != gone
	}
	return s.Dst == t.Socket && s.Dropped == ""
}

func (s Segment) resets() bool { return slices.Contains(s.flags(), "RST") }

// heard reports whether a segment arrived at the host meanwhile, which may be what
// led to a transition.
func heard(lab Lab, host string, after, at Seconds) bool {
	return slices.ContainsFunc(lab.Segments, func(s Segment) bool {
		return s.From != host && s.Dropped == "" && s.Arrived != nil && after < *s.Arrived && *s.Arrived <= at
	})
}

// led is the last call that may have led to the transition, -1 if none did.
func led(out []happening, calls map[int]bool, t Transition) int {
	for i, h := range slices.Backward(out) {
		if calls[i] && h.host == t.Host && t.After <= h.at && h.after <= t.At && t.At-h.after < atOnce {
			return i
		}
	}
	return -1
}

// place puts the happening beside its segment, or on a line of its own.
func (h happening) place(moments []moment) []moment {
	if i := h.closest(moments); i >= 0 {
		moments[i].texts[h.host], moments[i].sockets[h.host] = h.text, h.socket
		return moments
	}
	at := h.at
	if h.beside != nil && h.at-h.after <= atOnce {
		at = h.after
	}
	m := newMoment(at)
	m.texts[h.host], m.sockets[h.host] = h.text, h.socket
	return append(moments, m)
}

// closest is the moment whose segment belongs to the happening and passed the
// host while it may have happened, or if there is none, closest to that; of
// several the first for a call and the last for anything else; -1 if none did.
func (h happening) closest(moments []moment) int {
	best, least, at := -1, Seconds(0), Seconds(0)
	for i, m := range moments {
		if m.segment == nil || m.texts[h.host] != "" || !h.belongs(*m.segment) {
			continue
		}
		near := *m.segment.near(h.host)
		if off := h.off(near); best < 0 || off < least || off == least && (near < at) == h.sends {
			best, least, at = i, off, near
		}
	}
	return best
}

// belongs reports whether the segment passed the host when the happening may
// have been, and has to do with it.
func (h happening) belongs(s Segment) bool {
	near := s.near(h.host)
	return h.beside != nil && near != nil && h.beside(s) && h.off(*near) <= h.spare && *near <= h.at
}

// off is how far a moment is from when the happening may have been.
func (h happening) off(at Seconds) Seconds { return max(0, h.after-at, at-h.at) }
