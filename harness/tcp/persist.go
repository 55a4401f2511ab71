package tcp

import (
	"fmt"
	"time"
)

// persists reports whether the persist timer holds the socket.
func (h Hold) persists() bool { return h == NeverSent || h == ZeroWindow || h == ZeroWindowAnswered }

// persisting is a socket that has something to send, nothing in flight, and
// cannot send.
func (m Model) persisting(w *Window, socket Socket) {
	e := w.Ending
	w.Clock = Probing
	w.Answered = e.Hold == ZeroWindowAnswered
	w.Source = "tcp_probe_timer (net/ipv4/tcp_timer.c), tcp_send_probe0 (net/ipv4/tcp_output.c), " + releases
	w.Why = m.persistWhy(e)

	c := m.follow(m.persistCourse(e, socket, m.Settings.Retries2))
	if c.endless && !e.owned() {
		w.Deviation = m.persistDeviation(socket)
		c = m.follow(m.persistCourse(e, socket, longest))
	}
	c.fill(w, func(firing int) Counters {
		counters := e.State.timedOut()
		if e.Hold != NeverSent {
			counters.add("TCPWinProbe", firing-1)
		}
		return counters
	})
	switch {
	case w.Never():
		w.Why = "the peer answers the probes, and each answer sets their count back: only the owner or the peer ends it"
	case w.Answered && e.Options.UserTimeout == 0 && c.ends[0].firing == peerSilence:
		w.Why += "; the second probe finds no answer, as the peer answers no more than one in 500 ms"
	}
}

// peerSilence is the firing that finds the second probe unanswered.
const peerSilence = 3

func (m Model) persistWhy(e Ending) string {
	allowed := m.retries(e, true)
	why := fmt.Sprintf("%s allows %s", m.retriesName(e), several(allowed, "unanswered probe"))
	if e.Options.UserTimeout > 0 {
		return fmt.Sprintf("TCP_USER_TIMEOUT allows %s after the first probe; besides, %s", Text(e.Options.UserTimeout), why)
	}
	if e.Hold == ZeroWindowAnswered && !e.owned() {
		why += "; answered or not, no more when the timeout has doubled "
		if doublings := m.retries(e, false); doublings > 0 {
			why += several(doublings, "time") + " and "
		}
		why += fmt.Sprintf("up to tcp_rto_max_ms=%d", m.Settings.RTOMax/time.Millisecond)
	}
	return why
}

// persistDeviation is what the kernel does to a socket without an owner whose
// probes are answered and that doubles no more before the timeout has reached
// its maximum.
func (m Model) persistDeviation(socket Socket) string {
	return fmt.Sprintf("tcp_send_probe0 (net/ipv4/tcp_output.c, %s) doubles the %s timeout no more than tcp_retries2=%d times, "+
		"so that tcp_probe_timer never finds it doubled far enough: this socket lasts as long as the peer answers",
		releases, Text(socket.RTO), m.Settings.Retries2)
}

// persistCourse follows tcp_probe_timer and tcp_send_probe0 (Linux 5.10 to
// 7.3): as many unanswered probes as retries are allowed, the delay doubling up
// to doublings times, and death at the firing behind them. TCP_USER_TIMEOUT
// counts from the first firing.
//
// Without an owner, a socket whose timeout has doubled up to the maximum, and
// as often as retries are allowed, dies even if the probes are answered.
//
// The answers come at once. The model is not that of Linux 5.10 with more than
// ten doublings.
func (m Model) persistCourse(e Ending, socket Socket, doublings int) course {
	base := max(socket.RTO, budgetBase)
	backoff := func(firings int) int { return min(firings, doublings) }
	var silence unanswered
	return course{
		timer: TimerPersist, sinceFirst: true, mayLast: e.Hold == ZeroWindowAnswered && e.Options.UserTimeout == 0,
		userTimeout: m.HZ.Ceil(e.Options.UserTimeout), least: m.HZ.jiffies(2), // TCP_TIMEOUT_MIN
		interval: func(firings int) time.Duration { return m.Timeout(Socket{RTO: base}, backoff(firings)) },
		limit: func(firing int, at Span) Span {
			doubled := backoff(firing - 1)
			alive := m.Timeout(socket, doubled) < m.rtoMax()
			allowed := m.retries(e, alive)
			limit := lives
			if e.Options.UserTimeout > 0 && firing > 1 {
				limit = after(m.HZ.Ceil(e.Options.UserTimeout))
			}
			least, most := silence.least, silence.most
			silence.probe(m, e.Hold == ZeroWindowAnswered, at)
			switch {
			case !e.owned() && !alive && doubled >= allowed, least >= allowed:
				return ends
			case most >= allowed:
				limit.Min = 0
			}
			return limit
		},
	}
}

// unanswered counts the probes since the last answer. The peer answers a probe
// only when its last answer is 500 ms back (tcp_invalid_ratelimit, and
// tcp_oow_rate_limited in net/ipv4/tcp_input.c, Linux 5.10 to 7.3).
type unanswered struct {
	least, most      int
	earliest, latest Span // when the last answer may have been
}

// probe is sent at a moment of the span.
func (u *unanswered) probe(m Model, peerAnswers bool, at Span) {
	const rateLimit = 500 * time.Millisecond
	since := Span{at.Min - u.latest.Min, at.Max - u.earliest.Max}
	never := u.earliest == Span{}
	switch {
	case peerAnswers && (never || since.Min >= rateLimit+m.HZ.Tick()):
		u.least, u.most, u.earliest, u.latest = 0, 0, at, at
	case peerAnswers && since.Max >= rateLimit-m.HZ.Tick():
		u.least, u.most, u.latest = 0, u.most+1, at
	default:
		u.least, u.most = u.least+1, u.most+1
	}
}

// persistRivals are the mistakes about the persist timer.
func (m Model) persistRivals(e Ending) mistakes {
	rivals := m.retriesRivals(e)
	other, name := DataInFlight, "retransmission in place of the persist timer"
	if e.State.finUnacknowledged() && e.Hold == NeverSent {
		other = Plain
	}
	rivals.add(name, func(_ *Model, e *Ending) { e.Hold = other })
	if e.Hold == ZeroWindow {
		rivals.add("a peer that answers the probes", func(_ *Model, e *Ending) { e.Hold = ZeroWindowAnswered })
	}
	if e.Hold == ZeroWindowAnswered {
		rivals.add("a peer that is silent", func(_ *Model, e *Ending) { e.Hold = ZeroWindow })
	}
	return rivals
}
