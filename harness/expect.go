package harness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"golang.org/x/sys/unix"
)

const (
	// heldLongEnough tells a state that is held from one that passes: no
	// acknowledgement is delayed by more than TCP_DELACK_MAX, 200 ms
	// (include/net/tcp.h, Linux 5.10 to 7.3).
	heldLongEnough = 250 * time.Millisecond
	// patience is how long an expected state may take to come. The longest usual
	// wait is for a retransmission after a freeze was healed.
	patience = 20 * time.Second
)

// Expect waits until the socket is in the state and held there, longer than a
// delayed acknowledgement could hold it. It fails when the state has passed,
// or does not come: within 20 s and a look, or when a segment that this end or the other is
// about to send again may have brought it.
func (c *Conn) Expect(t testing.TB, state tcp.State) {
	t.Helper()
	wasHeld := func(all []spell) bool {
		spell := find(all, state)
		return spell != nil && (state == tcp.Gone || spell.held() >= heldLongEnough)
	}
	settled := func(stages []stage) bool {
		all := spells(stages)
		return wasHeld(all) || all[len(all)-1].state.Past(state)
	}
	stages, err := c.await(patience, settled)
	if resent := c.resent(); errors.Is(err, os.ErrDeadlineExceeded) && !resent.IsZero() {
		stages, err = c.await(time.Until(resent)+heldLongEnough+time.Second, settled)
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
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
		c.undecided(t, state, "not seen, and looks were up to %s late meanwhile", tcp.Text(heldUp.Round(time.Millisecond)))
	case current == unborn:
		c.failf(t, "%s was not held in %v within %s: there is no such socket", c.host.name, state, tcp.Text(patience))
	case !current.Past(state):
		c.failf(t, "%s was not held in %v within %s: it is %v", c.host.name, state, tcp.Text(patience), current)
	case spell == nil:
		c.failf(t, "%s was not held in %v (passed unseen, if ever): it is %v", c.host.name, state, current)
	case spell.longest() >= heldLongEnough:
		c.undecided(t, state, "there for %.3f to %.3f s, which may have been held: the looks were too far apart", spell.held().Seconds(), spell.longest().Seconds())
	default:
		c.failf(t, "%s was not held in %v (seen for %.3f s): it is %v", c.host.name, state, spell.longest().Seconds(), current)
	}
}

// resent is when either end is due to send again what was lost, if ever: of a freeze
// that a busy machine has healed late, the next timeout may be far.
func (c *Conn) resent() (due time.Time) {
	for _, w := range []*watcher{c.watcher, c.peersWatcher()} {
		if w == nil {
			continue
		}
		if next := w.retransmission(); next.After(due) {
			due = next
		}
	}
	return due
}

// ExpectNotHeld fails if the socket was ever held in the state, longer than a
// delayed acknowledgement could hold it. It is for controls.
func (c *Conn) ExpectNotHeld(t testing.TB, state tcp.State) {
	t.Helper()
	v := verdict{outcome: passing, conn: c.host.name, window: tcp.Window{Ending: tcp.Ending{State: state}}}
	for _, spell := range c.spells(t) {
		// A state that was not seen may have passed between two others.
		unseen := spell.began.to.Sub(spell.began.from)
		if spell.state == state && spell.held() >= heldLongEnough {
			c.failf(t, "%s was held in %v for at least %.3f s", c.host.name, state, spell.held().Seconds())
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
	c.watcher.expectAt(end)
	stages, err := c.await(d+patience, func(stages []stage) bool {
		last := stages[len(stages)-1]
		return last.state != state || last.last.After(end)
	})
	if err != nil {
		t.Fatal(err)
	}
	if spell := find(spells(stages), state); spell == nil || spell.over() && !spell.ended.to.After(end) {
		c.failf(t, "%s is %v, should have stayed in %v for %v", c.host.name, stages[len(stages)-1].state, state, d)
	}
}

// conclude keeps a verdict, and fails the test if it does not pass.
func (c *Conn) conclude(t testing.TB, v verdict) {
	t.Helper()
	c.host.lab.verdicts = append(c.host.lab.verdicts, v)
	if !v.passed() {
		c.host.lab.fail(t, v.String())
	}
}

// undecided ends the test as inconclusive about a state, and says why.
func (c *Conn) undecided(t testing.TB, state tcp.State, format string, args ...any) {
	t.Helper()
	c.conclude(t, verdict{
		outcome: inconclusive, conn: c.host.name, window: tcp.Window{Ending: tcp.Ending{State: state}},
		detail: fmt.Sprintf(format, args...),
	})
}

// failf ends the test with the whole story.
func (c *Conn) failf(t testing.TB, format string, args ...any) {
	t.Helper()
	c.host.lab.fail(t, fmt.Sprintf(format, args...))
}

// fail ends the test with the whole story, and keeps why.
func (lab *Lab) fail(t testing.TB, what string) {
	t.Helper()
	lab.reason = what
	t.Fatalf("%s\n%s", what, lab.tell())
}

func (c *Conn) await(limit time.Duration, done func([]stage) bool) ([]stage, error) {
	stages, err := c.watcher.await(time.Now().Add(limit), done)
	if err != nil {
		err = fmt.Errorf("watching the %s: %w", c.host.name, err)
	}
	return stages, err
}

// find is the last spell in the state, nil if there was none.
func find(all []spell, state tcp.State) *spell {
	for i, one := range slices.Backward(all) {
		if one.state == state {
			return &all[i]
		}
	}
	return nil
}

// Seen reports whether the socket was seen in the state, however shortly.
func (c *Conn) Seen(t testing.TB, state tcp.State) bool {
	t.Helper()
	return find(c.spells(t), state) != nil
}

// RequireYounger ends the test as inconclusive if the socket may have been in the
// state for longer than d by now, or before it left: the test came too late for what
// it was about to show. It is for a call that has done what only an older socket
// allows.
func (c *Conn) RequireYounger(t testing.TB, state tcp.State, d time.Duration) {
	t.Helper()
	if held := c.held(t, state); held > d {
		c.undecided(t, state, "there for up to %.3f s, and no more than %s would show it", held.Seconds(), tcp.Text(d))
	}
}

// RequireWithin ends the test as inconclusive if more than d has passed since a moment:
// what the test has done meanwhile came too late for what it shows.
func (c *Conn) RequireWithin(t testing.TB, since time.Time, d time.Duration) {
	t.Helper()
	if passed := time.Since(since); passed > d {
		all := c.spells(t)
		c.undecided(t, all[len(all)-1].state, "the calls took %.3f s, and no more than %s would show it", passed.Seconds(), tcp.Text(d))
	}
}

// spells are those that were seen so far.
func (c *Conn) spells(t testing.TB) []spell {
	t.Helper()
	stages, err := c.watcher.seen()
	if err != nil {
		t.Fatal(err)
	}
	return spells(stages)
}

// SecondsBegun is how many seconds of the kernel's clock, counted from the boot, have
// begun since the socket came into the state, at the most. It fails if it never did.
func (c *Conn) SecondsBegun(t testing.TB, state tcp.State) int {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatalf("asking for the time since the boot: %v", err)
	}
	since := time.Duration(now.Nano()) - c.held(t, state)
	return int(now.Sec - int64(since/time.Second))
}

// held is for how long the socket has been in the state, or was, at the most.
func (c *Conn) held(t testing.TB, state tcp.State) time.Duration {
	t.Helper()
	spell := find(c.spells(t), state)
	if spell == nil {
		c.failf(t, "%s was not seen in %v", c.host.name, state)
	}
	if spell.over() {
		return spell.longest()
	}
	return time.Since(spell.began.from)
}
