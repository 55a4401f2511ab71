package tcp

import (
	"fmt"
	"math/bits"
	"time"
)

const (
	// budgetBase is TCP_RTO_MIN (include/net/tcp.h): the unit in which the
	// kernel turns retries into time, whatever tcp_rto_min_us says.
	budgetBase = 200 * time.Millisecond
	// orphanDefault is what tcp_orphan_retries=0 stands for.
	orphanDefault = 8
	// stampUnit is the unit of the time stamps that elapsed time is measured
	// with; a difference of two is exact to one.
	stampUnit = time.Millisecond
)

// releases are those in which the source was read.
const releases = "Linux 5.10 to 7.3"

// budget is tcp_model_timeout (net/ipv4/tcp_timer.c, Linux 5.10 to 7.3): the
// time that n retries stand for, the first after base.
func (m Model) budget(n int, base time.Duration) time.Duration {
	doublings := bits.Len64(uint64(m.rtoMax()/base)) - 1
	if n <= doublings {
		return base * (2<<n - 1)
	}
	return base*(2<<doublings-1) + time.Duration(n-doublings)*m.rtoMax()
}

// retries is how many the socket is allowed: tcp_retries2 with an owner, and
// without one tcp_orphan_retries, where 0 stands for 8 as long as the timeout
// is below its maximum (tcp_orphan_retries in net/ipv4/tcp_timer.c, Linux 5.10
// to 7.3). alive says that it is.
func (m Model) retries(e Ending, alive bool) int {
	switch {
	case e.owned():
		return m.Settings.Retries2
	case m.Settings.OrphanRetries == 0 && alive:
		return orphanDefault
	}
	return m.Settings.OrphanRetries
}

// retriesName is the sysctl behind retries, with its value.
func (m Model) retriesName(e Ending) string {
	if e.owned() {
		return fmt.Sprintf("tcp_retries2=%d", m.Settings.Retries2)
	}
	name := fmt.Sprintf("tcp_orphan_retries=%d", m.Settings.OrphanRetries)
	if allowed := m.retries(e, true); allowed != m.Settings.OrphanRetries {
		name += fmt.Sprintf(" (meaning %d)", allowed)
	}
	return name
}

// finUnacknowledged reports whether the state waits for the acknowledgement of
// a FIN.
func (s State) finUnacknowledged() bool { return s == FinWait1 || s == Closing || s == LastAck }

// retransmitting is a socket whose data or FIN is not acknowledged.
func (m Model) retransmitting(w *Window, socket Socket) {
	e := w.Ending
	w.Clock = DataSent
	if e.State.finUnacknowledged() {
		w.Clock = FINSent
	}
	w.Why = m.retransmitWhy(e)
	w.Source = "tcp_retransmit_timer, tcp_write_timeout, retransmits_timed_out (net/ipv4/tcp_timer.c), " + releases

	c := m.follow(m.retransmitCourse(e, socket))
	c.probe = m.tailLossProbe(e, socket)
	if c.probe > 0 {
		w.Source = "tcp_schedule_loss_probe (net/ipv4/tcp_output.c), " + w.Source
	}
	c.fill(w, func(firing int) Counters {
		counters := e.State.timedOut()
		counters.add("TCPTimeouts", firing)
		counters.add("RetransSegs", firing-1)
		if c.probe > 0 {
			counters.add("TCPLossProbes", 1)
			counters.add("RetransSegs", 1)
		}
		return counters
	})
}

func (m Model) retransmitWhy(e Ending) string {
	const asked = "after the first retransmission, asked only when the timer fires"
	if e.Options.UserTimeout > 0 {
		return fmt.Sprintf("TCP_USER_TIMEOUT allows %s %s", Text(e.Options.UserTimeout), asked)
	}
	why := fmt.Sprintf("%s allows %s %s", m.retriesName(e), Text(m.budget(m.retries(e, true), budgetBase)), asked)
	if m.thin(e) {
		why += fmt.Sprintf("; tcp_thin_linear_timeouts leaves the timeout undoubled %d times", thinRetries)
	}
	return why
}

// retransmitCourse follows tcp_retransmit_timer, tcp_write_timeout and
// retransmits_timed_out (net/ipv4/tcp_timer.c, Linux 5.10 to 7.3). The budget
// counts from the first retransmission timeout, not from the segment, and is
// looked at only when the timer fires.
//
// A tail loss probe goes first and the retransmission timeout starts anew
// behind it.
func (m Model) retransmitCourse(e Ending, socket Socket) course {
	var start Span
	if probe := m.tailLossProbe(e, socket); probe > 0 {
		start = m.arm(start, probe)
	}
	interval := func(firings int) time.Duration { return m.timeout(e, socket, firings) }
	return course{
		timer: TimerRetransmit, start: start, interval: interval, sinceFirst: true,
		userTimeout: e.Options.UserTimeout, least: m.HZ.Tick(),
		limit: func(firing int, _ Span) Span {
			if firing == 1 {
				return lives
			}
			if e.Options.UserTimeout > 0 {
				return after(e.Options.UserTimeout)
			}
			budget := m.budget(m.retries(e, interval(firing-1) < m.rtoMax()), budgetBase)
			return Span{budget - stampUnit, budget + stampUnit}
		},
	}
}

// lone reports whether one segment is in flight.
func (e Ending) lone() bool { return e.Hold != DataInFlight || !e.State.finUnacknowledged() }

// Timeout is the retransmission timeout that is armed after so many
// retransmissions: at least a jiffy, it doubles up to its maximum.
func (m Model) Timeout(socket Socket, retransmissions int) time.Duration {
	timeout := min(max(socket.RTO, m.HZ.Tick()), m.rtoMax())
	for range retransmissions {
		if timeout = min(2*timeout, m.rtoMax()); timeout == m.rtoMax() {
			break
		}
	}
	return timeout
}

// thinRetries is TCP_THIN_LINEAR_RETRIES (include/net/tcp.h).
const thinRetries = 6

// thin reports whether the first timeouts do not double: of a socket in
// ESTABLISHED, with tcp_thin_linear_timeouts and fewer than four segments in
// flight (tcp_retransmit_timer, Linux 5.10 to 7.3). Under BBR, which sets no
// slow start threshold, they double all the same.
func (m Model) thin(e Ending) bool { return m.Settings.ThinLinearTimeouts && e.State == Established }

// timeout is Timeout for this ending.
func (m Model) timeout(e Ending, socket Socket, firings int) time.Duration {
	if m.thin(e) {
		firings = max(0, firings-thinRetries)
	}
	return m.Timeout(socket, firings)
}

// tailLossProbe is the delay of the tail loss probe, 0 when there is none. It is
// short behind several segments, and waits for a delayed acknowledgement behind
// a lone one (tcp_schedule_loss_probe in net/ipv4/tcp_output.c). The
// retransmission timeout then starts from the probe, whatever was sent before
// (tcp_send_loss_probe clears icsk_pending for that; both Linux 5.10 to 7.3).
func (m Model) tailLossProbe(e Ending, socket Socket) time.Duration {
	const timeoutMin = 2 * time.Millisecond // TCP_TIMEOUT_MIN_US
	allowed := m.Settings.SACK && (m.Settings.EarlyRetrans == 3 || m.Settings.EarlyRetrans == 4)
	if !allowed {
		return 0
	}
	wait := timeoutMin
	if e.lone() {
		wait = m.Settings.RTOMin
	}
	return min(m.HZ.Ceil(2*socket.RTT+wait), socket.RTO)
}

// retransmitRivals are the mistakes about a retransmission.
func (m Model) retransmitRivals(e Ending, socket Socket) mistakes {
	rivals := m.retriesRivals(e)
	switch probes := m.tailLossProbe(e, socket) > 0; {
	case !probes:
		rivals.add("a tail loss probe", func(m *Model, _ *Ending) { m.Settings.SACK, m.Settings.EarlyRetrans = true, 3 })
	case e.lone():
		rivals.add("no tail loss probe", func(m *Model, _ *Ending) { m.Settings.SACK = false })
	default:
		rivals.add("nothing but the FIN in flight", func(_ *Model, e *Ending) { e.Hold = Plain })
	}
	switch {
	case m.thin(e):
		rivals.add("no linear timeouts (tcp_thin_linear_timeouts=0)", func(m *Model, _ *Ending) { m.Settings.ThinLinearTimeouts = false })
	case m.Settings.ThinLinearTimeouts && e.State == CloseWait:
		rivals.add("linear timeouts (tcp_thin_linear_timeouts) outside ESTABLISHED", func(_ *Model, e *Ending) { e.State = Established })
	}
	segment := "data"
	if e.State.finUnacknowledged() {
		segment = "a FIN"
	}
	rivals.add(segment+" dropped on its own host's way out (persist timer)", func(_ *Model, e *Ending) { e.Hold = NeverSent })
	return rivals
}
