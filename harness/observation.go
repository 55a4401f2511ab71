package harness

import (
	"slices"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// An observation is a spell as the judge sees it: spans since the clock of the
// window started.
type observation struct {
	over   bool
	lasted tcp.Span
	steps  []step
	// behind is by how much the timers that were armed may have fired early,
	// for the kernel's clock was behind when it armed them.
	behind time.Duration
}

// A step is a stage of the observation.
type step struct {
	timer   tcp.Timer
	retrans int
	began   tcp.Span
	due     []tcp.Span // the deadlines that the timer was given
	behind  time.Duration
}

// observe counts a spell from the start of its clock.
//
// A look may fall between two timers. sock_diag reads without the socket's
// lock, and the kernel clears the timer that fires before it arms the next
// (tcp_write_timer_handler in net/ipv4/tcp_timer.c), and shows FIN_WAIT_2 on the
// full socket before the minisocket takes over (tcp_rcv_state_process in
// net/ipv4/tcp_input.c, both Linux 5.10 to 7.3). Where keepalive is on, its timer is the
// next that is asked for (inet_sk_diag_fill in net/ipv4/inet_diag.c). Such a look is no
// step of its own: a timer that was really missing shows in the deadlines that follow.
//
// What was seen of the state before its clock started is left out.
func observe(s spell, start between, w tcp.Window) observation {
	o := observation{over: s.over()}
	end := s.ended
	if !o.over {
		end = between{s.last, s.last}
	}
	o.lasted = end.since(start)
	var began *between
	stages := since(s.stages, start, w)
	for i, stage := range stages {
		if began == nil {
			began = &between{stage.began.from, stage.began.to}
		}
		began.to = stage.began.to
		betweenTimers := i+1 < len(stages) || o.over && len(o.steps) > 0
		if betweenTimers && stage.armsNone(w) {
			continue
		}
		step := step{timer: stage.timer, retrans: stage.retrans, began: began.since(start)}
		if len(o.steps) == 0 {
			step.began.Min = 0 // what was sent in the state before was sent earlier
			if stage.retrans == 0 {
				step.began = tcp.Span{}
			}
		}
		began = nil
		for i, arming := range stage.armings {
			putOff := i+1 < len(stage.armings)
			if !putOff || !arming.due.overlaps(s.inherited) {
				step.due = append(step.due, arming.due.since(start))
			}
		}
		o.steps = append(o.steps, step)
	}
	return o
}

// armsNone reports whether none of the timers is armed that hold the state.
func (s stage) armsNone(w tcp.Window) bool {
	sends := w.Chain == tcp.TimerRetransmit || w.Chain == tcp.TimerPersist
	return s.timer == tcp.TimerNone || sends && s.timer == tcp.TimerKeepalive
}

// since are the stages from the start of the window's clock on. Of TIME_WAIT, which every
// FIN of the peer starts anew, a deadline counts that was first looked for after the
// last one, and that which is there at the end and was still seen then, new or not. A look
// that was begun before the FIN came may have been held up and brought the old one later.
func since(stages []stage, start between, w tcp.Window) []stage {
	for len(stages) > 1 && stages[0].timer != w.Chain && !stages[0].last.After(start.to) {
		stages = stages[1:]
	}
	if w.Clock != tcp.PeerFIN {
		return stages
	}
	stages = slices.Clone(stages)
	for i := range stages {
		all := stages[i].armings
		stages[i].armings = nil
		for n, a := range all {
			if atEnd := n == len(all)-1 && a.until.After(start.to); atEnd || a.asked.After(start.to) {
				stages[i].armings = append(stages[i].armings, a)
			}
		}
	}
	return stages
}
