package tcp

import (
	"fmt"
	"strings"
	"time"
)

// timeWaitLen is TCP_TIMEWAIT_LEN (include/net/tcp.h, Linux 5.10 to 7.3): a
// constant that no sysctl changes.
const timeWaitLen = 60 * time.Second

// finWait2 is FIN_WAIT_2 without an owner.
//
// Up to 60 s a time-wait minisocket takes over at once and lasts as long as
// tcp_fin_timeout says. Above, the full socket waits for what is over 60 s,
// and only then does a minisocket take over, for the same time once more:
// twice the excess, in place of the whole (tcp_rcv_state_process, __tcp_close,
// tcp_keepalive_timer and tcp_time_wait, Linux 5.10 to 7.3).
//
// When the acknowledgement of the FIN finds the socket locked, close not having
// returned yet, the full socket stays for the whole time in place of a
// minisocket ("Bad case" in tcp_rcv_state_process, Linux 6.1): seen on a busy
// machine with two processors, once in some hundred connections.
func (m Model) finWait2(w *Window, socket Socket) {
	w.Clock = FINAcked
	length, name := m.finTime(socket)
	w.Why = name
	if length < 0 {
		w.Spans = Spans{m.delay(Span{})}
		w.Calculation = "reset as soon as the FIN is acknowledged"
		return
	}
	w.Phases = m.finWait2Phases(length, socket)
	w.Spans = m.sum(w.Phases)
	w.Calculation = phasesText(w.Phases)
	switch floor := m.finFloor(socket); {
	case length == floor:
		w.Calculation += fmt.Sprintf(": 3.5 × the %s retransmission timeout, the floor below which the setting has no effect", Text(socket.RTO))
	case length > timeWaitLen:
		w.Calculation += fmt.Sprintf(": above 60 s the kernel waits twice for the excess of %s, not once for %s", Text(length-timeWaitLen), Text(length))
	}
	m.finWait2Rivals(w, length)
}

// finTime is tcp_fin_time (include/net/tcp.h) and the setting that rules it.
func (m Model) finTime(socket Socket) (length time.Duration, why string) {
	const longestLinger2 = 120 * time.Second // TCP_FIN_TIMEOUT_MAX
	length, why = m.Settings.FinTimeout, fmt.Sprintf("tcp_fin_timeout=%d", m.Settings.FinTimeout/time.Second)
	if socket.Linger2 != 0 {
		length, why = min(socket.Linger2, longestLinger2), fmt.Sprintf("TCP_LINGER2=%d", socket.Linger2/time.Second)
	}
	if length < 0 {
		return length, why
	}
	return max(length, m.finFloor(socket)), why
}

// finFloor is 3.5 retransmission timeouts, in the kernel's integer arithmetic.
func (m Model) finFloor(socket Socket) time.Duration {
	rto := m.HZ.count(socket.RTO)
	return m.HZ.jiffies(rto<<2 - rto>>1)
}

func (m Model) finWait2Phases(length time.Duration, socket Socket) []Phase {
	if length <= timeWaitLen {
		return []Phase{{Timer: TimerTimeWait, For: length, Or: TimerKeepalive}}
	}
	excess := length - timeWaitLen
	return []Phase{{Timer: TimerKeepalive, For: excess}, {Timer: TimerTimeWait, For: max(excess, m.finFloor(socket))}}
}

// sum is when the last of the phases ends.
func (m Model) sum(phases []Phase) Spans {
	var at Span
	for _, phase := range phases {
		at = m.arm(at, phase.For)
	}
	return Spans{at}
}

func phasesText(phases []Phase) string {
	var terms []string
	for _, phase := range phases {
		terms = append(terms, fmt.Sprintf("%s of the %v", Text(phase.For), phase.Timer))
	}
	return strings.Join(terms, " + ")
}

func (m Model) finWait2Rivals(w *Window, length time.Duration) {
	if length > timeWaitLen {
		w.Rivals = append(w.Rivals,
			m.waiting(Text(length)+" as one wait", length),
			m.waiting("only one wait for the excess over 60 s", length-timeWaitLen))
	}
	if length != timeWaitLen {
		w.Rivals = append(w.Rivals, m.waiting("60 s: the default of tcp_fin_timeout and the length of TIME_WAIT", timeWaitLen))
	}
	if literal := m.Settings.FinTimeout; literal < length {
		w.Rivals = append(w.Rivals, m.waiting(fmt.Sprintf("tcp_fin_timeout=%d taken literally", literal/time.Second), literal))
	}
}

// waiting is a rival: one wait of a minisocket.
func (m Model) waiting(name string, length time.Duration) Rival {
	phases := []Phase{{Timer: TimerTimeWait, For: length, Or: TimerKeepalive}}
	return Rival{name, Window{Phases: phases, Spans: m.sum(phases)}}
}
