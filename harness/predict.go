package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A prediction is the window of a state, given how late the machine is.
type prediction func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window

// predict is what the model says of this connection under the settings that
// its host has.
func (c *Conn) predict(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
	kernel := c.host.lab.kernel
	model := tcp.Model{HZ: kernel.hz, Settings: c.host.settings, Release: kernel.version, Late: late}
	return model.Window(c.ending(state), c.socket)
}

// ending is how the socket ends from the state. What the case declares of the
// connection holds in the state that it declares.
func (c *Conn) ending(state tcp.State) tcp.Ending {
	ending := tcp.Ending{State: state, Options: c.options}
	if declared := c.host.lab.Ends; declared.State == state {
		ending.Hold = declared.Hold
	}
	switch state {
	case tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.LastAck:
		ending.Owned = !c.closed
	}
	return ending
}

// current is the spell that the socket is in, or was in last before it was
// gone, as a look tells that is newer than whatever was done to the lab.
func (c *Conn) current(t testing.TB) spell {
	t.Helper()
	asked := time.Now()
	c.watcher.kick()
	stages, err := c.await(patience, func(stages []stage) bool {
		last := stages[len(stages)-1]
		return last.state == tcp.Gone || last.last.After(asked)
	})
	if err != nil {
		t.Fatal(err)
	}
	all := spells(stages)
	current := all[len(all)-1]
	if current.state == tcp.Gone && len(all) > 1 {
		current = all[len(all)-2]
	}
	if current.state == tcp.Gone || current.state == unborn {
		c.failf(t, "%s has no such socket", c.host.name)
	}
	return current
}

// start is when the clock of the spell's window started. What a call of the
// application sends is sent within that call; when, the first timer tells.
func (c *Conn) start(s spell, window tcp.Window) between {
	start := s.began
	switch window.Clock {
	case tcp.SYNSent:
		if mark, found := c.marked(window.Clock); found {
			start = between{mark.from, s.began.to}
		}
	case tcp.DataSent, tcp.FINSent, tcp.Idle:
		if mark, found := c.marked(window.Clock); found {
			start = mark
		}
		if sent, found := c.marked(tcp.DataSent); found && window.Clock == tcp.FINSent && window.Ending.Hold == tcp.DataInFlight {
			start.from = sent.from // the timeout is that of the data
		}
	case tcp.FINAcked:
		if c.closing.from.After(s.began.to) {
			return c.closing // it had an owner until then
		}
		return start
	case tcp.PeerFIN:
		return c.lastPeerFIN(s)
	case tcp.Probing:
		// Armed when the window was found closed, or else by the call that
		// could not send.
		for _, clock := range []tcp.Clock{tcp.DataSent, tcp.FINSent, tcp.Probing} {
			if mark, found := c.marked(clock); found {
				start = mark
			}
		}
	}
	if began := c.timers(start, window).began; !began.from.IsZero() {
		start.narrow(began)
	}
	return start
}

// lastPeerFIN is when TIME_WAIT began, or when the peer's FIN arrived for the last
// time after that, as the wire shows it: each one starts it anew. What keeps the
// wire from being read fails the lab when it is closed.
func (c *Conn) lastPeerFIN(s spell) between {
	all, _, err := c.host.lab.wire()
	if err != nil {
		return s.began
	}
	start, tick := s.began, c.host.lab.kernel.hz.Tick()
	for _, fin := range all {
		came := fin.From == c.remote && fin.To == c.local && fin.Flags.Has(FIN) && !fin.arrived.IsZero()
		if !came || s.over() && fin.arrived.After(s.ended.to) || c.host.lab.droppedBy(fin) != nil {
			continue
		}
		if fin.arrived.After(s.began.to) {
			start = between{fin.arrived.Add(-tick), fin.arrived.Add(tick)}
		}
	}
	return start
}

// retransmits reports whether a FIN waits in the state for its acknowledgement.
func retransmits(state tcp.State) bool {
	return state == tcp.FinWait1 || state == tcp.Closing || state == tcp.LastAck
}

// timers are those of the chain that holds the state since start.
func (c *Conn) timers(start between, window tcp.Window) timers {
	stages, _ := c.watcher.seen()
	return chainTimers(stages, start, window, c.host.lab.kernel.hz)
}

// judge compares a spell with its window. Where a rival seems to explain the end
// as well, the evidence of all connections is heard. An orphan that a busy machine
// made one too late is judged by nothing: the owner's retries held it until then.
func (c *Conn) judge(s spell, predict prediction) verdict {
	ideal := predict(s.state, nil)
	start := c.start(s, ideal)
	late := c.lateness(start, ideal)
	allowed := predict(s.state, late)
	o := observe(s, start, ideal)
	o.notice(start, c.watcher.tick, &overshoots)
	v := judge(ideal, allowed, o, c.host.lab.watch, c.watcher.tick)
	if v.outcome == inconclusive {
		allowed.Rivals = predict(s.state, kernelLateness(start, late)).Rivals
		v = judge(ideal, allowed, o, c.host.lab.watch, c.watcher.tick)
	}
	if owned := c.closing.to.Sub(start.from); !ideal.Never() && retransmits(ideal.Ending.State) && !ideal.Ending.Owned && owned >= ideal.Min() {
		v.outcome = inconclusive
		v.detail = fmt.Sprintf("it had an owner for up to %.3f s, and an orphan ends after %.3f s", owned.Seconds(), ideal.Min().Seconds())
	}
	v.allowed, v.seen = allowed, o
	v.conn, v.start, v.rto, v.outcomes = c.host.name, start, c.socket.RTO, allowed.Outcomes
	if !ideal.Never() {
		v.late = allowed.Max() - ideal.Max()
	}
	return v
}

// lateness is that of the timers which hold a state since start.
func (c *Conn) lateness(start between, ideal tcp.Window) func(tcp.Span) time.Duration {
	return lateness(start, c.timers(start, ideal).lags, c.host.lab.kernel.hz, &overshoots)
}

// acknowledgedWithin reports whether it is known, however far the looks were
// apart, that the FIN was acknowledged so soon after it was sent. The deadline
// of the minisocket that came of it tells: FIN_WAIT_2 of this socket, or the
// peer's TIME_WAIT, was armed at that moment for a length that is known.
func (c *Conn) acknowledgedWithin(d time.Duration) bool {
	sent, _ := c.marked(tcp.FINSent)
	for conn, state := range map[*Conn]tcp.State{c: tcp.FinWait2, c.peer(): tcp.TimeWait} {
		if conn == nil {
			continue
		}
		stages, _ := conn.watcher.seen()
		spell := find(spells(stages), state)
		if spell == nil {
			continue
		}
		window := conn.predict(state, nil)
		if len(window.Phases) == 0 {
			continue
		}
		for _, stage := range spell.stages {
			if stage.timer == window.Phases[0].Timer && len(stage.armings) > 0 {
				return armedAt(stage.armings[0], window.Phases[0].For, c.host.lab.kernel.hz).to.Sub(sent.from) < d
			}
		}
	}
	return false
}
