package harness

import (
	"fmt"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// transitions are what the looks at one socket found new, up to where looking
// failed.
func (c *Conn) transitions() ([]report.Transition, error) {
	stages, err := c.watcher.seen()
	if err != nil {
		err = fmt.Errorf("watching the %s: %w", c.host.name, err)
	}
	var out []report.Transition
	shown := unborn
	for i, s := range stages {
		if s.state == unborn || i+1 < len(stages) && s.glimpse(stages[i+1]) {
			continue
		}
		text := s.timer.String() + s.next()
		switch {
		case s.state == tcp.Gone:
			text = "gone from " + stages[i-1].state.String()
		case s.state != shown:
			text = s.state.String() + s.due()
		case stages[i-1].retrans > s.retrans:
			text = fmt.Sprintf("answered, %d probes unanswered%s", s.retrans, s.next())
		case stages[i-1].retrans != s.retrans:
			text = fmt.Sprintf("%s %d%s", s.attempt(), s.retrans, s.next())
		}
		shown = s.state
		out = append(out, c.transition(s, between{s.began.from, s.begun}, text))
		for n, arming := range s.armings {
			if n > 0 {
				again := c.transition(s, between{arming.after, arming.seen}, s.rearmed()+", next in "+arming.remaining())
				again.Due = c.host.lab.moment(arming.middle())
				out = append(out, again)
			}
		}
	}
	return out, err
}

// glimpse reports whether the stage is no more than a look between two timers.
func (s stage) glimpse(next stage) bool {
	const short = 20 * time.Millisecond
	return s.timer == tcp.TimerNone && next.state == s.state && next.begun.Sub(s.begun) < short
}

// transition is one to the stage.
func (c *Conn) transition(s stage, at between, text string) report.Transition {
	lab := c.host.lab
	t := report.Transition{
		After: max(0, lab.moment(at.from)), At: lab.moment(at.to), Last: lab.moment(s.last),
		Host: c.host.name, Socket: c.local.String(), State: s.state.String(), Text: text,
	}
	if s.state == tcp.Gone {
		return t
	}
	t.Retransmissions = s.retrans
	if s.timer != tcp.TimerNone {
		t.Timer = s.timer.String()
	}
	if len(s.armings) > 0 {
		t.Due = lab.moment(s.armings[0].middle())
	}
	return t
}

// due says when the timer that the stage began with fires.
func (s stage) due() string {
	if len(s.armings) == 0 {
		return ""
	}
	return fmt.Sprintf(", %v in %s", s.timer, s.armings[0].remaining())
}

// next says the same of a timer that was there before.
func (s stage) next() string {
	if len(s.armings) == 0 {
		return ""
	}
	return ", next in " + s.armings[0].remaining()
}

// attempt is what the kernel counts in the stage. Under the persist timer
// nothing is sent that was sent before.
func (s stage) attempt() string {
	if s.timer == tcp.TimerPersist {
		return "persist probe"
	}
	return "retransmission"
}

// rearmed names what put the timer off: before the first retransmission it was
// the tail loss probe.
func (s stage) rearmed() string {
	if s.timer == tcp.TimerRetransmit && s.retrans == 0 && s.state != tcp.SynSent && s.state != tcp.SynRecv {
		return "tail loss probe"
	}
	return s.timer.String() + " armed anew"
}

// middle is the deadline for reading.
func (a arming) middle() time.Time { return a.due.from.Add(a.due.to.Sub(a.due.from) / 2) }

// remaining is how long after it was seen the timer is due, for reading.
func (a arming) remaining() string {
	d := a.middle().Sub(a.seen)
	if d < time.Second {
		return tcp.Text(d.Round(10 * time.Millisecond))
	}
	return tcp.Text(d.Round(100 * time.Millisecond))
}
