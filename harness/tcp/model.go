package tcp

import (
	"fmt"
	"time"
)

// Model predicts ends from settings and tick rate.
type Model struct {
	HZ       HZ
	Settings Settings
	// Late says by how much, at the most, a timer fires behind the timer wheel
	// on this machine when it is due in a span of time since the window's
	// clock started. nil is an ideal machine.
	Late func(due Span) time.Duration
}

// Ending is a way to end: the state that a timer takes the socket from, and
// what about the connection decides how long that takes.
type Ending struct {
	State State
	// DataInFlight says that data sent before the FIN is not acknowledged
	// either. The tail loss probe then does not put off the retransmission.
	DataInFlight bool
	// NeverSent says that the FIN was dropped on its own host's way out. The
	// kernel then counts it as not sent and the persist timer holds the state.
	NeverSent bool
}

// String names the state and what is special.
func (e Ending) String() string {
	switch {
	case e.NeverSent:
		return e.State.String() + " (FIN never sent)"
	case e.DataInFlight:
		return e.State.String() + " (data in flight)"
	}
	return e.State.String()
}

// Socket is what the model must know of one connection.
type Socket struct {
	// RTO is tcpi_rto before the first retransmission, the R0 of the formulas.
	RTO time.Duration
	// RTT is tcpi_rtt, the smoothed round-trip time.
	RTT time.Duration
	// UserTimeout is TCP_USER_TIMEOUT; 0 when not set.
	UserTimeout time.Duration
	// Linger2 is TCP_LINGER2 in whole seconds: 0 leaves it to
	// tcp_fin_timeout, negative ends the socket without any FIN_WAIT_2.
	Linger2 time.Duration
}

// IdleSocket is a connection over a wire whose round trip takes microseconds:
// its RTO is the least one, rounded up to a jiffy. It is what a plan assumes
// where nothing has been measured yet.
func (m Model) IdleSocket() Socket {
	const rtt = 50 * time.Microsecond
	return Socket{RTO: m.HZ.Ceil(m.Settings.RTOMin + rtt), RTT: rtt}
}

// Window predicts when the socket is gone from the state. It panics for a
// state that a timer can end and that the model does not know.
func (m Model) Window(ending Ending, socket Socket) Window {
	window := Window{Ending: ending}
	switch ending.State {
	case FinWait1, Closing, LastAck:
		m.retransmitting(&window, socket)
	case FinWait2:
		m.finWait2(&window, socket)
	case TimeWait:
		m.timeWait(&window)
	case Established, CloseWait:
		window.Why = "no timer holds this state: only the owner or the peer ends it"
	default:
		panic(fmt.Sprintf("no model of %v", ending.State))
	}
	return window
}

// arm is when a timer fires that is armed for d at a moment of the span.
func (m Model) arm(at Span, d time.Duration) Span {
	return m.delay(Span{at.Min + d, at.Max + d + m.HZ.Lateness(d)})
}

// delay adds what this machine is late.
func (m Model) delay(due Span) Span {
	if m.Late != nil {
		due.Max += m.Late(due)
	}
	return due
}
