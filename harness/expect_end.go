package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// ExpectReaped waits until a timer removes the socket from the state that it
// is in, and judges when: neither early nor late, and by the timers that were
// predicted. A wait beyond the lab's limit is cut short and judged by the
// armed deadline or by the schedule of retransmissions.
func (c *Conn) ExpectReaped(t testing.TB) {
	t.Helper()
	c.expectReaped(t, c.predict)
}

// ExpectForEver judges a state that no timer ends: it is there, and nothing is
// armed to end it. The peer may have ended it with the reset of a socket that was locked.
func (c *Conn) ExpectForEver(t testing.TB) {
	t.Helper()
	current := c.current(t)
	if window := c.predict(current.state, nil); !window.Never() {
		c.failf(t, "%s is %v, which a timer ends: %v", c.host.name, window.Ending, window)
	}
	v := c.judge(current, c.predict)
	if v.detail == ended {
		locked, err := c.resetByLockedPeer(current)
		if err != nil {
			t.Fatal(err)
		}
		if locked {
			v.outcome, v.detail = closed, "a reset, for the peer's close had not returned when its FIN was acknowledged"
		}
	}
	c.conclude(t, v)
}

// ExpectEndedByPeer waits until the socket is gone because the peer
// acknowledged its FIN, before any timer could have removed it.
func (c *Conn) ExpectEndedByPeer(t testing.TB) {
	t.Helper()
	current := c.current(t)
	window := c.predict(current.state, nil)
	c.requireTimer(t, window)
	start := c.start(current, window)
	current = c.awaitEnd(t, current, start.to.Add(window.Max()))
	v := verdict{outcome: closed, conn: c.host.name, window: window, start: start, rto: c.socket.RTO, lasted: current.ended.since(start), over: true}
	switch {
	case !current.over():
		c.failf(t, "%s is still in %v: the peer has not ended it", c.host.name, current.state)
	case current.next != tcp.Gone:
		c.failf(t, "%s went from %v to %v", c.host.name, current.state, current.next)
	case v.lasted.Max >= window.Min():
		c.failf(t, "%s was gone from %v after %v, when its own timer may have ended it: %v", c.host.name, current.state, v.lasted, window)
	}
	c.host.lab.verdicts = append(c.host.lab.verdicts, v)
}

// expectReaped judges by any prediction, so that tests can make mistakes.
func (c *Conn) expectReaped(t testing.TB, predict prediction) {
	t.Helper()
	current := c.current(t)
	c.requireDeclared(t, current.state)
	if known := c.host.lab.deviation(); known != nil {
		c.expectDeviation(t, current, known, predict)
		return
	}
	window := predict(current.state, nil)
	c.requireTimer(t, window)
	told := c.listen(window.Errors)
	current = c.awaitReaped(t, current, window, predict)
	v := c.judge(current, predict)
	if v.outcome == early || v.outcome == late {
		// The processor that was late may not have told so yet; what it then excuses is
		// waited for.
		<-time.After(overshootBucket)
		current = c.awaitReaped(t, current, window, predict)
		v = c.judge(current, predict)
	}
	if current.over() && current.next != tcp.Gone {
		c.failf(t, "%s was not reaped from %v: it went to %v after %v", c.host.name, current.state, current.next, current.ended.since(c.start(current, window)))
	}
	if v.passed() {
		c.judgeWire(t, current, &v)
	}
	if v.outcome == reaped {
		c.requireCounters(t, v)
		c.requireErrors(t, window.Errors, told)
	}
	c.conclude(t, v)
}

// awaitReaped waits until the spell is over, or the watch.
func (c *Conn) awaitReaped(t testing.TB, current spell, window tcp.Window, predict prediction) spell {
	t.Helper()
	start := c.start(current, window)
	limit := start.to.Add(min(window.Max(), c.host.lab.watch))
	c.watcher.expectEnd(append(absolute(window.Spans, start), between{limit, limit}), window, start)
	current = c.awaitEnd(t, current, limit)
	if !current.over() && window.Max() <= c.host.lab.watch {
		current = c.awaitOverdue(t, current, start, predict)
	}
	return current
}

// requireDeclared fails the test when what is about to be judged is not what
// the case declares, and the plan shows.
func (c *Conn) requireDeclared(t testing.TB, state tcp.State) {
	t.Helper()
	declared, found := c.host.lab.Ends, c.ending(state)
	switch {
	case declared.State != state:
		c.failf(t, "%s is %v: the case declares that it ends from %v", c.host.name, state, declared.State)
	case found.Owned && !declared.Owned:
		c.failf(t, "%s is %v and has an owner: the case declares an orphan's end", c.host.name, state)
	case declared.Owned && !found.Owned:
		c.failf(t, "%s is %v and an orphan: the case declares an end with an owner", c.host.name, state)
	case found.Options != declared.Options:
		c.failf(t, "%s has the socket options %+v, the case declares %+v", c.host.name, found.Options, declared.Options)
	}
}

// requireTimer fails the test where no timer of the model ends the state.
func (c *Conn) requireTimer(t testing.TB, window tcp.Window) {
	t.Helper()
	if window.Never() {
		c.failf(t, "%s is %v: %s", c.host.name, window.Ending, window.Why)
	}
}

// awaitOverdue waits for an end that should have come: as long as the
// lateness of the machine excuses it, and further until a rival's window has
// passed, so that the failure can name what ended it instead.
func (c *Conn) awaitOverdue(t testing.TB, current spell, start between, predict prediction) spell {
	t.Helper()
	ideal := predict(current.state, nil)
	excused := predict(current.state, c.lateness(start, ideal))
	for !current.over() && !current.last.After(start.to.Add(excused.Max())) {
		current = c.awaitEnd(t, current, start.to.Add(excused.Max()))
		excused = predict(current.state, c.lateness(start, ideal))
	}
	limit := c.host.lab.watch
	for _, rival := range excused.Rivals {
		if rival.Window.Never() || rival.Window.Min() <= ideal.Max() {
			continue
		}
		if end := rival.Window.Max(); end > excused.Max() && end < limit {
			limit = end
		}
	}
	if limit == c.host.lab.watch {
		return current
	}
	return c.awaitEnd(t, current, start.to.Add(limit))
}

// awaitEnd waits until the spell is over, or until it was seen to last beyond
// the limit, and with which deadline.
func (c *Conn) awaitEnd(t testing.TB, s spell, limit time.Time) spell {
	t.Helper()
	stages, err := c.await(time.Until(limit)+patience, func(stages []stage) bool {
		now := find(spells(stages), s.state)
		last := now.stages[len(now.stages)-1]
		return now.over() || now.last.After(limit) && !last.unsettled(c.watcher.tick)
	})
	if err != nil {
		t.Fatal(err)
	}
	return *find(spells(stages), s.state)
}

// absolute puts the spans of a window on the clock.
func absolute(spans tcp.Spans, start between) []between {
	var out []between
	for _, span := range spans {
		out = append(out, between{start.from.Add(span.Min), start.to.Add(span.Max)})
	}
	return out
}
