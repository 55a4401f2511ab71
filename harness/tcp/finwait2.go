package tcp

import (
	"fmt"
	"strings"
	"time"
)

// timeWaitLen is TCP_TIMEWAIT_LEN (include/net/tcp.h, Linux 5.10 to 7.3): a
// constant that no sysctl changes.
const timeWaitLen = 60 * time.Second

// finWait2 is FIN_WAIT_2. With an owner no timer holds it but keepalive.
func (m Model) finWait2(w *Window, socket Socket) {
	switch {
	case w.Ending.aborts():
		m.abort(w)
	case w.Ending.Owned:
		m.quiet(w)
	case w.Ending.Options.Linger2 < 0:
		m.finWait2Reset(w)
	default:
		m.finWait2Orphan(w, socket)
	}
}

// finWait2Source are the functions of FIN_WAIT_2 without an owner.
const finWait2Source = "tcp_rcv_state_process (net/ipv4/tcp_input.c), __tcp_close (net/ipv4/tcp.c), " +
	"tcp_time_wait (net/ipv4/tcp_minisocks.c), " + releases

// finWait2Reset is a socket whose TCP_LINGER2 asks for no FIN_WAIT_2 at all: it
// ends when its FIN is acknowledged, or when it is closed, if it was shut down
// before and the acknowledgement has come by then. The counters tell which
// (tcp_rcv_state_process, __tcp_close, Linux 5.10 to 7.3).
func (m Model) finWait2Reset(w *Window) {
	w.Clock = FINAcked
	w.Source = finWait2Source
	w.Why = "TCP_LINGER2=-1"
	w.Calculation = "reset as soon as the FIN is acknowledged, or closed if that is later"
	at := m.delay(Span{})
	w.Outcomes = []Outcome{
		{at, Counters{"TCPAbortOnData": 1, "OutRsts": 1}},
		{at, Counters{"TCPAbortOnLinger": 1, "OutRsts": 1}},
	}
	w.Spans = merge(w.Outcomes)
}

// finWait2Orphan is FIN_WAIT_2 without an owner. A socket that was shut down
// before it was closed counts from close.
//
// Up to 60 s a time-wait minisocket takes over at once and lasts as long as
// tcp_fin_timeout says. Above, the full socket waits for what is over 60 s,
// and only then does a minisocket take over, for the same time once more:
// twice the excess, in place of the whole (tcp_rcv_state_process, __tcp_close,
// tcp_keepalive_timer and tcp_time_wait, Linux 5.10 to 7.3).
//
// When the acknowledgement of the FIN finds the socket locked, close not having
// returned yet, the full socket stays for the whole time in place of
// a minisocket, and sends a reset at its end ("Bad case" in
// tcp_rcv_state_process, Linux 6.1): seen on a busy machine with two
// processors, once in some hundred connections.
func (m Model) finWait2Orphan(w *Window, socket Socket) {
	w.Clock = FINAcked
	w.Source = finWait2Source
	length, name := m.finTime(socket, w.Ending.Options)
	w.Why = name
	w.Phases = m.finWait2Phases(length, socket)
	w.Spans = m.sum(w.Phases)
	mini := w.Phases[len(w.Phases)-1]
	w.Outcomes = []Outcome{{w.Spans[0], minisocket(mini.For)}}
	if mini.Or != TimerNone {
		w.Outcomes = append(w.Outcomes, Outcome{w.Spans[0], Counters{"OutRsts": 1}})
	}
	w.Calculation = phasesText(w.Phases)
	switch floor := m.finFloor(socket); {
	case length == floor:
		w.Calculation += fmt.Sprintf(": 3.5 × the %s retransmission timeout, the floor below which the setting has no effect", Text(socket.RTO))
	case length > timeWaitLen:
		w.Calculation += fmt.Sprintf(": above 60 s the kernel waits twice for the excess of %s, not once for %s", Text(length-timeWaitLen), Text(length))
	}
}

// minisocket are the counters of a minisocket that was armed for d
// (__inet_twsk_schedule in net/ipv4/inet_timewait_sock.c, Linux 5.10 to 7.3).
func minisocket(d time.Duration) Counters {
	const shortest = 4 * time.Second
	if d <= shortest {
		return Counters{"TWKilled": 1}
	}
	return Counters{"TW": 1}
}

// finTime is tcp_fin_time (include/net/tcp.h) and the setting that rules it.
func (m Model) finTime(socket Socket, options Options) (length time.Duration, why string) {
	const longestLinger2 = 120 * time.Second // TCP_FIN_TIMEOUT_MAX
	length, why = m.Settings.FinTimeout, fmt.Sprintf("tcp_fin_timeout=%d", m.Settings.FinTimeout/time.Second)
	if options.Linger2 != 0 {
		length, why = min(options.Linger2, longestLinger2), fmt.Sprintf("TCP_LINGER2=%d", options.Linger2/time.Second)
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

// finWait2Rivals are the mistakes about FIN_WAIT_2 without an owner.
func (m Model) finWait2Rivals(e Ending, socket Socket) []Rival {
	var rivals []Rival
	add := func(name string, length time.Duration) { rivals = append(rivals, m.waiting(name, length)) }
	options := e.Options
	own, _ := m.finTime(socket, options)
	if options.Linger2 != 0 {
		options.Linger2 = 0
		if length, _ := m.finTime(socket, options); length != own {
			add(fmt.Sprintf("tcp_fin_timeout=%d in place of TCP_LINGER2", m.Settings.FinTimeout/time.Second), length)
		}
	}
	if e.Options.Linger2 < 0 {
		return rivals
	}
	if own > timeWaitLen {
		add(Text(own)+" as one wait", own)
		add("only one wait for the excess over 60 s", own-timeWaitLen)
	}
	if own != timeWaitLen {
		add("60 s: the default of tcp_fin_timeout and the length of TIME_WAIT", timeWaitLen)
	}
	if literal := m.Settings.FinTimeout; literal < own && e.Options.Linger2 == 0 {
		add(fmt.Sprintf("tcp_fin_timeout=%d taken literally", literal/time.Second), literal)
	}
	return rivals
}

// waiting is a rival: one wait of a minisocket.
func (m Model) waiting(name string, length time.Duration) Rival {
	phases := []Phase{{Timer: TimerTimeWait, For: length, Or: TimerKeepalive}}
	spans := m.sum(phases)
	return Rival{name, Window{Phases: phases, Spans: spans, Outcomes: []Outcome{{spans[0], minisocket(length)}}}}
}
