package tcp

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
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

// budget is tcp_model_timeout (net/ipv4/tcp_timer.c, Linux 5.10 to 7.3): the
// time that n retries stand for.
func (m Model) budget(n int) time.Duration {
	doublings := bits.Len64(uint64(m.Settings.RTOMax/budgetBase)) - 1
	if n <= doublings {
		return budgetBase * (2<<n - 1)
	}
	return budgetBase*(2<<doublings-1) + time.Duration(n-doublings)*m.Settings.RTOMax
}

// retries says how many a socket is allowed; rto is the timeout that has just
// expired.
type retries func(rto time.Duration) int

// orphanRetries is tcp_orphan_retries (net/ipv4/tcp_timer.c, Linux 5.10 to
// 7.3): 0 stands for 8 as long as the timeout is below its maximum.
func (m Model) orphanRetries(rto time.Duration) int {
	if m.Settings.OrphanRetries == 0 && rto < m.Settings.RTOMax {
		return orphanDefault
	}
	return m.Settings.OrphanRetries
}

func exactly(n int) retries { return func(time.Duration) int { return n } }

// retransmitting is a socket without an owner whose FIN is not acknowledged:
// FIN_WAIT_1, CLOSING, LAST_ACK.
func (m Model) retransmitting(w *Window, socket Socket) {
	w.Clock = FINSent
	w.Why = m.retriesText(socket)
	if w.Ending.NeverSent {
		m.persistChain(socket, m.orphanRetries).fill(w)
		return
	}
	m.retransmitChain(w.Ending, socket, m.orphanRetries).fill(w)
	m.retransmitRivals(w, socket)
}

func (m Model) retriesText(socket Socket) string {
	if socket.UserTimeout > 0 {
		return fmt.Sprintf("TCP_USER_TIMEOUT allows %s after the first retransmission, asked only when the timer fires", Text(socket.UserTimeout))
	}
	allowed := m.orphanRetries(0)
	value := fmt.Sprintf("tcp_orphan_retries=%d", m.Settings.OrphanRetries)
	if allowed != m.Settings.OrphanRetries {
		value += fmt.Sprintf(" (meaning %d)", allowed)
	}
	return fmt.Sprintf("%s allows %s after the first retransmission, asked only when the timer fires", value, Text(m.budget(allowed)))
}

// Timeout is the retransmission timeout that is armed after so many
// retransmissions: it doubles up to its maximum.
func (m Model) Timeout(socket Socket, retransmissions int) time.Duration {
	timeout := socket.RTO
	for range retransmissions {
		timeout = min(2*timeout, m.Settings.RTOMax)
	}
	return timeout
}

// TailLossProbe is the delay of the tail loss probe of a lone FIN, 0 when
// there is none (tcp_schedule_loss_probe in net/ipv4/tcp_output.c, Linux 5.10
// to 7.3).
func (m Model) TailLossProbe(socket Socket) time.Duration {
	allowed := m.Settings.SACK && (m.Settings.EarlyRetrans == 3 || m.Settings.EarlyRetrans == 4)
	if !allowed {
		return 0
	}
	return min(m.HZ.Ceil(2*socket.RTT+m.Settings.RTOMin), socket.RTO)
}

// A chain is one run of timeouts to the socket's end.
type chain struct {
	timer     Timer
	probe     time.Duration   // delay of the tail loss probe, 0 for none
	intervals []time.Duration // timeouts, to the earliest end
	spans     Spans           // when it ends
	firings   []Span          // when the timeouts fire, to the latest end
}

// retransmitChain follows tcp_retransmit_timer, tcp_write_timeout and
// retransmits_timed_out (net/ipv4/tcp_timer.c, Linux 5.10 to 7.3) with the
// earliest and the latest time of every firing.
//
// The budget counts from the first retransmission timeout, not from the FIN,
// and is looked at only when the timer fires: a socket always dies on a firing.
// Where lateness decides whether a firing finds the budget spent, both
// outcomes are followed.
func (m Model) retransmitChain(ending Ending, socket Socket, allowed retries) chain {
	c, first := m.firstTimeout(ending, socket)
	var elapsed Span // since the first timeout
	interval := min(2*socket.RTO, m.Settings.RTOMax)
	for {
		armed := elapsed
		firing := m.delay(first.plus(m.nextTimeout(armed, interval, socket.UserTimeout)))
		elapsed = Span{firing.Min - first.Min, firing.Max - first.Max}
		c.firings = append(c.firings, firing)
		budget, slack := socket.UserTimeout, time.Duration(0)
		if budget == 0 {
			budget, slack = m.budget(allowed(interval)), stampUnit
		}
		if len(c.spans) == 0 {
			c.intervals = append(c.intervals, elapsed.Min-armed.Min)
		}
		if elapsed.Max+slack >= budget {
			c.spans = c.spans.add(Span{first.Min + max(elapsed.Min, budget-slack), firing.Max})
		}
		if elapsed.Min-slack >= budget {
			return c
		}
		elapsed.Max = min(elapsed.Max, budget+slack)
		interval = min(2*interval, m.Settings.RTOMax)
	}
}

// firstTimeout begins the chain. A tail loss probe of a lone FIN goes first
// and the retransmission timeout starts anew behind it; with data in flight
// the timeout runs from the data, as it does without a probe.
func (m Model) firstTimeout(ending Ending, socket Socket) (chain, Span) {
	c := chain{timer: TimerRetransmit}
	var at Span
	if probe := m.TailLossProbe(socket); probe > 0 && !ending.DataInFlight {
		c.probe = probe
		at = m.arm(at, probe)
	}
	at = m.arm(at, socket.RTO)
	c.intervals = []time.Duration{socket.RTO}
	c.firings = []Span{at}
	return c, at
}

// nextTimeout is the time since the first timeout when the one after armed
// fires. With TCP_USER_TIMEOUT the interval is cut to what remains, at least a
// jiffy (tcp_clamp_rto_to_user_timeout).
func (m Model) nextTimeout(armed Span, interval, userTimeout time.Duration) Span {
	if userTimeout == 0 {
		return Span{armed.Min + interval, armed.Max + interval + m.HZ.Lateness(interval)}
	}
	tick := m.HZ.Tick()
	next := Span{
		min(armed.Min+interval, max(userTimeout, armed.Min+tick)),
		min(armed.Max+interval, max(userTimeout, armed.Max)+tick),
	}
	next.Max += m.HZ.Lateness(min(interval, max(userTimeout-armed.Min, tick)))
	return next
}

// fill writes the chain into a window.
func (c chain) fill(w *Window) {
	w.Chain, w.Firings, w.Spans, w.Calculation = c.timer, c.firings, c.spans, c.text()
}

// text is the sum behind the earliest end: the probe, then the timeouts, those
// that double written as multiples of the first.
func (c chain) text() string {
	var terms []string
	if c.probe > 0 {
		terms = append(terms, Text(c.probe)+" tail loss probe")
	}
	var factors []string
	next := c.intervals[0]
	doubling := 0
	for ; doubling < len(c.intervals) && c.intervals[doubling] == next; doubling++ {
		factors = append(factors, fmt.Sprint(1<<doubling))
		next *= 2
	}
	terms = append(terms, fmt.Sprintf("%s × (%s)", Text(c.intervals[0]), strings.Join(factors, "+")))
	for _, interval := range c.intervals[doubling:] {
		terms = append(terms, Text(interval))
	}
	text := strings.Join(terms, " + ")
	if len(c.spans) > 1 {
		text += ", or one timeout more: lateness decides"
	}
	return text
}

// persistChain is the end of a FIN that its own host dropped (tcp_probe_timer
// in net/ipv4/tcp_timer.c, Linux 5.10 to 7.3): as many probes as retries are
// allowed, the delay doubling, and death at the next firing.
func (m Model) persistChain(socket Socket, allowed retries) chain {
	c := chain{timer: TimerPersist}
	var at Span
	interval := max(socket.RTO, budgetBase)
	for probes := 0; ; probes++ {
		at = m.arm(at, interval)
		c.intervals = append(c.intervals, interval)
		c.firings = append(c.firings, at)
		if probes >= allowed(interval) {
			c.spans = Spans{at}
			return c
		}
		interval = min(2*interval, m.Settings.RTOMax)
	}
}

func (m Model) retransmitRivals(w *Window, socket Socket) {
	add := func(name string, c chain) {
		rival := Rival{Name: name}
		c.fill(&rival.Window)
		w.Rivals = append(w.Rivals, rival)
	}
	sysctl := socket
	sysctl.UserTimeout = 0
	n := m.orphanRetries(0)
	if socket.UserTimeout > 0 {
		add(fmt.Sprintf("tcp_orphan_retries=%d in place of TCP_USER_TIMEOUT", m.Settings.OrphanRetries), m.retransmitChain(w.Ending, sysctl, m.orphanRetries))
	} else {
		add(fmt.Sprintf("one retry more, tcp_orphan_retries=%d", n+1), m.retransmitChain(w.Ending, sysctl, exactly(n+1)))
		add(fmt.Sprintf("one retry fewer, tcp_orphan_retries=%d", n-1), m.retransmitChain(w.Ending, sysctl, exactly(n-1)))
	}
	if m.Settings.Retries2 != n {
		add(fmt.Sprintf("tcp_retries2=%d in place of tcp_orphan_retries", m.Settings.Retries2), m.retransmitChain(w.Ending, sysctl, exactly(m.Settings.Retries2)))
	}
	if m.TailLossProbe(socket) > 0 {
		other, name := w.Ending, "no tail loss probe"
		if other.DataInFlight {
			name = "nothing but the FIN in flight"
		}
		other.DataInFlight = !other.DataInFlight
		add(name, m.retransmitChain(other, socket, m.orphanRetries))
	}
	add("a FIN dropped on its own host's way out (persist timer)", m.persistChain(socket, m.orphanRetries))
	slices.SortStableFunc(w.Rivals, func(a, b Rival) int { return cmp.Compare(w.distance(a), w.distance(b)) })
}

// distance is how far the earliest ends of the window and a rival are apart.
func (w *Window) distance(rival Rival) time.Duration {
	return (rival.Window.Min() - w.Min()).Abs()
}
