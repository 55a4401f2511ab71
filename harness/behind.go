package harness

import (
	"slices"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// The kernel reckons its timers in jiffies, and one processor counts them for
// all. While a hypervisor has taken that one away, another that arms a timer
// does so by a count that is behind, and the timer fires early by as much. After
// five ticks without a change a processor counts by itself (tick_sched_do_timer,
// MAX_STALLED_JIFFIES in kernel/time/tick-sched.c, Linux 5.18 to 7.3).
const stalledTicks = 5 + 1

// behind is by how much a timer may fire early that was armed at about that
// moment: as far as something was seen to be held up then.
func behind(armed between, tick time.Duration, log *overshootLog) time.Duration {
	return min(heldUp(armed, log), stalledTicks*tick)
}

// heldUp is as far as something was seen to be held up at about that moment.
func heldUp(then between, log *overshootLog) time.Duration {
	return log.worst(then.from.Add(-overshootBucket), then.to.Add(overshootBucket))
}

// steady leaves out of the armings of a stage those that only seem to be: a look
// by a count of jiffies that is behind sees the timer due later than it is, by as
// much. Where the hypervisor had taken every processor that may be more than the ticks
// above: the first that is back looks before another has counted what passed (52 ms on
// Linux 6.18, on two processors that were both taken). A timer that really was put off
// by that much is seen so for longer, or put off again, and shows no earlier deadline
// after that.
func steady(armings []arming, tick time.Duration, log *overshootLog) []arming {
	if len(armings) < 2 {
		return armings
	}
	kept := slices.Clone(armings[:1])
	for i, next := range armings[1:] {
		last := &kept[len(kept)-1]
		later, earlier := last.putOffTo(next), next.putOffTo(*last)
		after := armings[i+2:]
		returns := slices.ContainsFunc(after, func(a arming) bool { return last.putOffTo(a) <= tick })
		confirmed := !returns && (len(after) > 0 || !next.until.Before(next.seen.Add(countedTicks*tick)))
		far := later > (1+stalledTicks)*tick
		switch {
		case later > tick+heldUp(next.lookedAt(), log), earlier > tick+heldUp(last.lookedAt(), log), far && confirmed:
			kept = append(kept, next)
			continue
		case far && !returns:
			continue // nobody knows: it is neither this deadline nor the one before
		case earlier > 0:
			last.due = next.due // the look before was behind
		}
		last.until = next.until
	}
	return kept
}

// countedTicks is after how many ticks a processor that looks again has counted the
// jiffies.
const countedTicks = 2

// unsettled reports whether a further look has to tell if the last deadline was set or
// only seems to be.
func (s *stage) unsettled(tick time.Duration) bool {
	return s.last.Before(s.newest.Add(countedTicks * tick))
}

// putOffTo is how much later the deadline of the next is, at least.
func (a arming) putOffTo(next arming) time.Duration { return next.due.from.Sub(a.due.to) }

// lookedAt is when the deadline was first seen.
func (a arming) lookedAt() between { return between{a.seen, a.seen} }

// notice has every step know how far the kernel's clock may have been behind.
func (o *observation) notice(start between, tick time.Duration, log *overshootLog) {
	for i := range o.steps {
		step := &o.steps[i]
		step.behind = behind(step.moment(start), tick, log)
		o.behind += step.behind
	}
}

// behindBy is by how much the timer after so many retransmissions may have fired
// early, with those before it.
func (o observation) behindBy(retrans int) time.Duration {
	early := time.Duration(0)
	for _, step := range o.steps {
		if step.retrans <= retrans {
			early += step.behind
		}
	}
	return early
}

// moment is when the step began.
func (s step) moment(start between) between {
	if s.began == (tcp.Span{}) {
		return start
	}
	return between{start.from.Add(s.began.Min), start.to.Add(s.began.Max)}
}
