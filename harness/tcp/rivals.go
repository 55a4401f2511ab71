package tcp

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A mistake is a belief under which the model gives a rival window.
type mistake struct {
	name   string
	change func(*Model, *Ending)
}

type mistakes []mistake

func (all *mistakes) add(name string, change func(*Model, *Ending)) {
	*all = append(*all, mistake{name, change})
}

// addNeighbours adds one retry more than n and, down to least, one fewer; set is
// the belief in so many.
func (all *mistakes) addNeighbours(name string, n, least int, set func(n int) func(*Model, *Ending)) {
	all.add(fmt.Sprintf("one retry more, %s=%d", name, n+1), set(n+1))
	if n > least {
		all.add(fmt.Sprintf("one retry fewer, %s=%d", name, n-1), set(n-1))
	}
}

// rivals are what the nearest mistakes about the ending of w would give, the
// nearest first.
func (m Model) rivals(w Window, socket Socket) []Rival {
	var rivals []Rival
	switch e := w.Ending; {
	case e.State == TimeWait:
		rivals = m.timeWaitRivals()
	case e.State == FinWait2 && !e.Owned:
		rivals = m.finWait2Rivals(e, socket)
	default:
		for _, mistake := range m.mistakes(e, socket) {
			believed, ending := m, e
			mistake.change(&believed, &ending)
			rival := believed.window(ending, socket)
			if w.Never() && rival.Never() {
				continue
			}
			rivals = append(rivals, Rival{mistake.name, rival})
		}
	}
	slices.SortStableFunc(rivals, func(a, b Rival) int { return cmp.Compare(w.distance(a), w.distance(b)) })
	return rivals
}

// distance is how far the earliest ends of the window and a rival are apart.
func (w Window) distance(rival Rival) time.Duration {
	switch {
	case w.Never() && rival.Window.Never():
		return 0
	case w.Never() || rival.Window.Never():
		return forever
	}
	return (rival.Window.Min() - w.Min()).Abs()
}

// mistakes are those that are near for the ending.
func (m Model) mistakes(e Ending, socket Socket) mistakes {
	switch {
	case e.aborts():
		return nil
	case e.State == SynSent:
		return m.synSentRivals(e)
	case e.State == SynRecv || e.State == NewSynRecv:
		return m.synRecvRivals(e)
	case e.State != FinWait2 && e.Hold.persists():
		return m.persistRivals(e)
	case e.State != FinWait2 && e.Hold == DataInFlight || e.State.finUnacknowledged():
		return m.retransmitRivals(e, socket)
	}
	return m.idleRivals(e)
}

// retriesRivals are the mistakes about the count of retries: another number,
// the other sysctl, or the sysctl in place of the option.
func (m Model) retriesRivals(e Ending) mistakes {
	var all mistakes
	mine, other := "tcp_orphan_retries", "tcp_retries2"
	mineIs, otherIs := m.Settings.OrphanRetries, m.Settings.Retries2
	otherMeans := otherIs
	if e.owned() {
		mine, other, mineIs, otherIs = other, mine, otherIs, mineIs
		otherMeans = m.retries(Ending{State: FinWait1}, true)
	}
	n := m.retries(e, true)
	if e.Options.UserTimeout > 0 {
		all.add(fmt.Sprintf("%s=%d in place of TCP_USER_TIMEOUT", mine, mineIs), func(_ *Model, e *Ending) { e.Options.UserTimeout = 0 })
	} else {
		all.addNeighbours(mine, n, 0, exactly)
	}
	if otherMeans != n {
		all.add(fmt.Sprintf("%s=%d in place of %s", other, otherIs, mine), func(m *Model, e *Ending) {
			if e.owned() {
				m.Settings.Retries2 = otherMeans
			}
			e.Owned, e.Options.UserTimeout = true, 0
		})
	}
	return all
}

// exactly allows that many retries. 0 has no special meaning where an owner is
// allowed them, and the same segments are sent for an owner; only the persist
// timer knows an end that an owner does not.
func exactly(n int) func(*Model, *Ending) {
	return func(m *Model, e *Ending) {
		e.Options.UserTimeout = 0
		if e.Hold.persists() && !e.owned() && n > 0 {
			m.Settings.OrphanRetries = n
			return
		}
		e.Owned, m.Settings.Retries2 = true, n
	}
}
