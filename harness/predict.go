package harness

import (
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A prediction is the window of a state, given how late the machine is.
type prediction func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window

// predict is what the model says of this connection under the settings that
// its host had when it was made.
func (c *Conn) predict(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
	model := tcp.Model{HZ: c.host.lab.kernel.hz, Settings: c.host.settings, Late: late}
	ending := c.host.lab.ends
	ending.State = state
	return model.Window(ending, c.socket)
}

// current is the spell that the socket is in, or was in last before it was
// gone, and the moment that its window counts from.
func (c *Conn) current(t testing.TB) (spell, between) {
	t.Helper()
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	all := spells(stages)
	current := all[len(all)-1]
	if current.state == tcp.Gone {
		current = all[len(all)-2]
	}
	return current, c.start(current)
}

// start is when the clock of the spell's window started. A FIN is sent by the
// call that asks for it; when in that call, the first timer tells.
func (c *Conn) start(s spell) between {
	if s.state == tcp.FinWait2 && c.closeBegin.After(s.began.to) {
		return between{c.closeBegin, c.closeEnd} // it had an owner until then
	}
	if !retransmits(s.state) {
		return s.began
	}
	start := between{c.finBegin, c.finEnd}
	if began := c.timers().began; !began.from.IsZero() {
		start.narrow(began)
	}
	return start
}

// retransmits reports whether a FIN waits in the state for its acknowledgement.
func retransmits(state tcp.State) bool {
	return state == tcp.FinWait1 || state == tcp.Closing || state == tcp.LastAck
}

// timers are those that the FIN was retransmitted by.
func (c *Conn) timers() timers {
	stages, _ := c.watcher.seen()
	stages = slices.DeleteFunc(stages, func(s stage) bool { return !retransmits(s.state) })
	model := tcp.Model{HZ: c.host.lab.kernel.hz, Settings: c.host.settings}
	probe := model.TailLossProbe(c.socket)
	if c.host.lab.ends.DataInFlight {
		probe = 0
	}
	return readTimers(stages, probe, func(retrans int) time.Duration { return model.Timeout(c.socket, retrans) }, model.HZ)
}

// judge compares a spell with its window.
func (c *Conn) judge(s spell, predict prediction) verdict {
	ideal, allowed := predict(s.state, nil), predict(s.state, c.lateness(s))
	v := judge(ideal, allowed, observe(s, c.start(s)), c.host.lab.watch, c.watcher.tick)
	v.conn = c.host.name
	if !ideal.Never() {
		v.late = allowed.Max() - ideal.Max()
	}
	return v
}

// lateness is that of the timers which held the spell.
func (c *Conn) lateness(s spell) func(tcp.Span) time.Duration {
	return lateness(c.start(s), c.timers().lags, c.host.lab.kernel.hz, &overshoots)
}

// acknowledgedWithin reports whether it is known, however far the looks were
// apart, that the FIN was acknowledged so soon after it was sent. The deadline
// of the minisocket that came of it tells: FIN_WAIT_2 of this socket, or the
// peer's TIME_WAIT, was armed at that moment for a length that is known.
func (c *Conn) acknowledgedWithin(d time.Duration) bool {
	own, _ := c.watcher.seen()
	peers, _ := c.peer.watcher.seen()
	for _, witness := range []struct {
		conn  *Conn
		spell *spell
	}{{c, find(spells(own), tcp.FinWait2)}, {c.peer, find(spells(peers), tcp.TimeWait)}} {
		if witness.spell == nil {
			continue
		}
		phase := witness.conn.predict(witness.spell.state, nil).Phases[0]
		for _, stage := range witness.spell.stages {
			if stage.timer == phase.Timer && len(stage.armings) > 0 {
				return armedAt(stage.armings[0], phase.For, c.host.lab.kernel.hz).to.Sub(c.finBegin) < d
			}
		}
	}
	return false
}
