package harness

import (
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// between encloses a moment: it lies no earlier than from, no later than to.
type between struct{ from, to time.Time }

// since is how long after start the moment lies.
func (b between) since(start between) tcp.Span {
	return tcp.Span{Min: max(0, b.from.Sub(start.to)), Max: max(0, b.to.Sub(start.from))}
}

// A stage is a run of sightings alike in state, timer and retransmissions.
type stage struct {
	state   tcp.State
	timer   tcp.Timer
	retrans int
	// began encloses the moment when the stage began.
	began between
	// begun is the first moment known to be inside, last the last.
	begun, last time.Time
	armings     []arming
	// newest is when the last of them was first seen; zero if there is none.
	newest time.Time
	// owned is whether a process had the socket open when it was last seen.
	owned bool
}

// An arming is a deadline given to the timer that holds the socket.
type arming struct {
	// after is when the one before it was last seen. The look that saw this one first
	// was begun when asked and over when seen; until is when the last one that did was
	// begun.
	after, asked, seen, until time.Time
	// due encloses the deadline, which the kernel tells to a tick.
	due between
}

// newStage begins with a sighting; before is the last moment known to be
// outside the stage.
func newStage(seen sighting, before time.Time, tick time.Duration) stage {
	s := stage{
		state: seen.state, timer: seen.timer, retrans: seen.retrans,
		began: between{before, seen.after}, begun: seen.after, last: seen.before, owned: seen.owned,
	}
	s.rearm(seen, before, tick)
	return s
}

// addSighting prolongs the last stage or begins another.
func addSighting(stages []stage, seen sighting, tick time.Duration) []stage {
	last := &stages[len(stages)-1]
	if seen.state != last.state || seen.timer != last.timer || seen.retrans != last.retrans {
		return append(stages, newStage(seen, last.last, tick))
	}
	before := last.last
	last.last, last.owned = seen.before, seen.owned
	last.rearm(seen, before, tick)
	return stages
}

// rearm notes a deadline that is not the one already known, the last time before,
// and otherwise learns that one more exactly. A timer that is due reads 0 until it fires,
// which is no deadline.
//
// The kernel tells the whole jiffies that are left, counted from the last tick
// (inet_sk_diag_fill, Linux 5.10 to 7.3), so the deadline lies up to a tick
// before the moment that one look makes of it. The last tick may itself have
// come late: on a busy virtual machine by up to one more.
func (s *stage) rearm(seen sighting, before time.Time, tick time.Duration) {
	if seen.timer == tcp.TimerNone || seen.expires == 0 {
		return
	}
	due := between{seen.before.Add(seen.expires - 2*tick), seen.after.Add(seen.expires)}
	if n := len(s.armings); n > 0 {
		known := &s.armings[n-1]
		if !due.from.After(known.due.to.Add(tick)) && !known.due.from.After(due.to.Add(tick)) {
			known.due.narrow(due)
			known.until = seen.before
			return
		}
	}
	s.newest = seen.after
	s.armings = append(s.armings, arming{before, seen.before, seen.after, seen.before, due})
}

// narrow keeps what the two have in common, if anything.
func (b *between) narrow(other between) {
	from, to := b.from, b.to
	if other.from.After(from) {
		from = other.from
	}
	if other.to.Before(to) {
		to = other.to
	}
	if !from.After(to) {
		b.from, b.to = from, to
	}
}

// overlaps reports whether the two may be the same moment.
func (b between) overlaps(other between) bool {
	return !b.from.After(other.to) && !other.from.After(b.to)
}

// deadline is when the timer is due; zero if none is armed.
func (s *stage) deadline() time.Time { return s.armed().to }

// armed encloses that moment.
func (s *stage) armed() between {
	if len(s.armings) == 0 {
		return between{}
	}
	return s.armings[len(s.armings)-1].due
}

// A spell is an unbroken stay in one state.
type spell struct {
	state  tcp.State
	stages []stage
	// began and ended enclose the two ends; ended is zero while it lasts.
	began, ended between
	// next is the state that followed; last the last moment known inside.
	next tcp.State
	last time.Time
	// inherited is the deadline of the minisocket of the state before, which a
	// look may still find: the kernel changes the state first, and then puts the
	// deadline off (tcp_timewait_state_process in net/ipv4/tcp_minisocks.c, Linux
	// 5.10 to 7.3). Zero if there was none.
	inherited between
}

func (s spell) over() bool { return !s.ended.from.IsZero() }

// held is how long the spell is known to have lasted.
func (s spell) held() time.Duration { return s.last.Sub(s.began.to) }

// longest is how long it may have lasted, once it is over.
func (s spell) longest() time.Duration { return s.ended.to.Sub(s.began.from) }

// spells groups the stages by state.
func spells(stages []stage) []spell {
	var out []spell
	for i, stage := range stages {
		if i == 0 || stages[i-1].state != stage.state {
			if len(out) > 0 {
				out[len(out)-1].ended = stage.began
				out[len(out)-1].next = stage.state
			}
			out = append(out, spell{state: stage.state, began: stage.began})
			if before := stages[max(0, i-1)]; i > 0 && before.timer == tcp.TimerTimeWait && len(before.armings) > 0 {
				out[len(out)-1].inherited = before.armings[len(before.armings)-1].due
			}
		}
		current := &out[len(out)-1]
		current.stages = append(current.stages, stage)
		current.last = stage.last
	}
	return out
}
