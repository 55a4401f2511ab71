package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

const (
	// heldLongEnough tells a state that is held from one that passes: no
	// acknowledgement is delayed by more than TCP_DELACK_MAX, 200 ms
	// (include/net/tcp.h, Linux 5.10 to 7.3).
	heldLongEnough = 250 * time.Millisecond
	// patience is how long an expected state may take to come. The longest
	// wait is for a retransmission after a freeze was healed.
	patience = 20 * time.Second
)

// Expect waits until the socket is in the state and held there, longer than a
// delayed acknowledgement could hold it. It fails when the state has passed,
// or does not come.
func (c *Conn) Expect(t testing.TB, state tcp.State) {
	t.Helper()
	wasHeld := func(all []spell) bool {
		spell := find(all, state)
		return spell != nil && (state == tcp.Gone || spell.held() >= heldLongEnough)
	}
	stages, err := c.await(patience, func(stages []stage) bool {
		all := spells(stages)
		return wasHeld(all) || all[len(all)-1].state.Past(state)
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	all := spells(stages)
	if wasHeld(all) {
		return
	}
	current := all[len(all)-1].state
	spell := find(all, state)
	heldUp := overshoots.worst(c.host.lab.started, time.Now())
	switch {
	case spell == nil && (current == unborn || current.Past(state)) && heldUp >= heldLongEnough:
		c.conclude(t, verdict{
			outcome: inconclusive, conn: c.host.name, window: tcp.Window{Ending: tcp.Ending{State: state}},
			detail: fmt.Sprintf("not seen, and looks were up to %s late meanwhile", tcp.Text(heldUp.Round(time.Millisecond))),
		})
	case current == unborn:
		c.fail(t, fmt.Sprintf("%s was not held in %v within %s: there is no such socket", c.host.name, state, tcp.Text(patience)))
	case !current.Past(state):
		c.fail(t, fmt.Sprintf("%s was not held in %v within %s: it is %v", c.host.name, state, tcp.Text(patience), current))
	case spell == nil:
		c.fail(t, fmt.Sprintf("%s was not held in %v (passed unseen, if ever): it is %v", c.host.name, state, current))
	case spell.longest() >= heldLongEnough:
		c.conclude(t, verdict{
			outcome: inconclusive, conn: c.host.name, window: tcp.Window{Ending: tcp.Ending{State: state}},
			detail: fmt.Sprintf("there for %.3f to %.3f s, which may have been held: the looks were too far apart", spell.held().Seconds(), spell.longest().Seconds()),
		})
	default:
		c.fail(t, fmt.Sprintf("%s was not held in %v (seen for %.3f s): it is %v", c.host.name, state, spell.longest().Seconds(), current))
	}
}

// ExpectNotHeld fails if the socket was ever held in the state, longer than a
// delayed acknowledgement could hold it. It is for controls.
func (c *Conn) ExpectNotHeld(t testing.TB, state tcp.State) {
	t.Helper()
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	v := verdict{outcome: passing, conn: c.host.name, window: tcp.Window{Ending: tcp.Ending{State: state}}}
	for _, spell := range spells(stages) {
		// A state that was not seen may have passed between two others.
		unseen := spell.began.to.Sub(spell.began.from)
		if spell.state == state && spell.held() >= heldLongEnough {
			c.fail(t, fmt.Sprintf("%s was held in %v for at least %.3f s", c.host.name, state, spell.held().Seconds()))
		}
		doubtful := spell.state == state && spell.longest() >= heldLongEnough || spell.state.Past(state) && unseen >= heldLongEnough
		if doubtful && !c.acknowledgedWithin(heldLongEnough) {
			v.outcome, v.detail = inconclusive, "the looks were too far apart"
		}
	}
	c.conclude(t, v)
}

// ExpectStays fails if the socket is not in the state, or leaves it within d.
func (c *Conn) ExpectStays(t testing.TB, state tcp.State, d time.Duration) {
	t.Helper()
	end := time.Now().Add(d)
	stages, err := c.await(d+patience, func(stages []stage) bool {
		last := stages[len(stages)-1]
		return last.state != state || last.last.After(end)
	})
	if err != nil {
		t.Fatal(err)
	}
	if spell := find(spells(stages), state); spell == nil || spell.over() && !spell.ended.to.After(end) {
		c.fail(t, fmt.Sprintf("%s is %v, should have stayed in %v for %v", c.host.name, stages[len(stages)-1].state, state, d))
	}
}

// ExpectReaped waits until a timer removes the socket from the state that it
// is in, and judges when: neither early nor late, and by the timers that were
// predicted. A wait beyond the lab's limit is cut short and judged by the
// armed deadline or by the schedule of retransmissions.
func (c *Conn) ExpectReaped(t testing.TB) {
	t.Helper()
	c.expectReaped(t, c.predict)
}

// ExpectForEver judges a state that no timer ends: it is there, and nothing is
// armed to end it.
func (c *Conn) ExpectForEver(t testing.TB) {
	t.Helper()
	current := c.current(t)
	if window := c.predict(current.state, nil); !window.Never() {
		c.fail(t, fmt.Sprintf("%s is %v, which a timer ends: %v", c.host.name, window.Ending, window))
	}
	c.conclude(t, c.judge(current, c.predict))
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
		c.fail(t, fmt.Sprintf("%s is still in %v: the peer has not ended it", c.host.name, current.state))
	case current.next != tcp.Gone:
		c.fail(t, fmt.Sprintf("%s went from %v to %v", c.host.name, current.state, current.next))
	case v.lasted.Max >= window.Min():
		c.fail(t, fmt.Sprintf("%s was gone from %v after %v, when its own timer may have ended it: %v", c.host.name, current.state, v.lasted, window))
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
	if current.over() && current.next != tcp.Gone {
		c.fail(t, fmt.Sprintf("%s was not reaped from %v: it went to %v after %v", c.host.name, current.state, current.next, current.ended.since(c.start(current, window))))
	}
	v := c.judge(current, predict)
	if v.outcome == early || v.outcome == late {
		// The processor that was late may not have told so yet.
		<-time.After(overshootBucket)
		v = c.judge(current, predict)
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
		c.fail(t, fmt.Sprintf("%s is %v: the case declares that it ends from %v", c.host.name, state, declared.State))
	case found.Owned && !declared.Owned:
		c.fail(t, fmt.Sprintf("%s is %v and has an owner: the case declares an orphan's end", c.host.name, state))
	case declared.Owned && !found.Owned:
		c.fail(t, fmt.Sprintf("%s is %v and an orphan: the case declares an end with an owner", c.host.name, state))
	case found.Options != declared.Options:
		c.fail(t, fmt.Sprintf("%s has the socket options %+v, the case declares %+v", c.host.name, found.Options, declared.Options))
	}
}

// requireTimer fails the test where no timer of the model ends the state.
func (c *Conn) requireTimer(t testing.TB, window tcp.Window) {
	t.Helper()
	if window.Never() {
		c.fail(t, fmt.Sprintf("%s is %v: %s", c.host.name, window.Ending, window.Why))
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
// the limit.
func (c *Conn) awaitEnd(t testing.TB, s spell, limit time.Time) spell {
	t.Helper()
	stages, err := c.await(time.Until(limit)+patience, func(stages []stage) bool {
		now := find(spells(stages), s.state)
		return now.over() || now.last.After(limit)
	})
	if err != nil {
		t.Fatal(err)
	}
	return *find(spells(stages), s.state)
}

// conclude keeps a verdict, and fails the test if it does not pass.
func (c *Conn) conclude(t testing.TB, v verdict) {
	t.Helper()
	c.host.lab.verdicts = append(c.host.lab.verdicts, v)
	if !v.passed() {
		c.host.lab.fail(t, v.String())
	}
}

// fail ends the test with the whole story.
func (c *Conn) fail(t testing.TB, what string) {
	t.Helper()
	c.host.lab.fail(t, what)
}

// fail ends the test with the whole story, and keeps why.
func (lab *Lab) fail(t testing.TB, what string) {
	t.Helper()
	lab.reason = what
	t.Fatalf("%s\n%s", what, lab.tell())
}

func (c *Conn) await(limit time.Duration, done func([]stage) bool) ([]stage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	stages, err := c.watcher.await(ctx, done)
	if err != nil {
		err = fmt.Errorf("watching the %s: %w", c.host.name, err)
	}
	return stages, err
}

// find is the last spell in the state, nil if there was none.
func find(all []spell, state tcp.State) *spell {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].state == state {
			return &all[i]
		}
	}
	return nil
}

// absolute puts the spans of a window on the clock.
func absolute(spans tcp.Spans, start between) []between {
	var out []between
	for _, span := range spans {
		out = append(out, between{start.from.Add(span.Min), start.to.Add(span.Max)})
	}
	return out
}

// Seen reports whether the socket was seen in the state, however shortly.
func (c *Conn) Seen(t testing.TB, state tcp.State) bool {
	t.Helper()
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	return find(spells(stages), state) != nil
}

// Held is for how long the socket has been in the state, or was, at the most;
// zero if it was never seen there.
func (c *Conn) Held(t testing.TB, state tcp.State) time.Duration {
	t.Helper()
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	spell := find(spells(stages), state)
	switch {
	case spell == nil:
		return 0
	case spell.over():
		return spell.longest()
	}
	return time.Since(spell.began.from)
}
