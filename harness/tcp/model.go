package tcp

import (
	"fmt"
	"strings"
	"time"
)

// Model predicts ends from settings, tick rate and release.
type Model struct {
	// HZ is the kernel's tick rate, and Settings are the sysctls of the host.
	HZ       HZ
	Settings Settings
	// Release is the kernel's; the zero value is the newest that the model
	// knows.
	Release Release
	// Late says by how much, at the most, a timer fires behind the timer wheel
	// on this machine when it is due in a span of time since the window's
	// clock started. nil is an ideal machine.
	Late func(due Span) time.Duration
}

// Ending is a way to end: the state that a timer takes the socket from, and
// what about the connection decides how long that takes.
type Ending struct {
	// State is what the timer takes the socket from.
	State State
	// Owned says that a process still has the socket open. The sockets of
	// SYN_SENT, ESTABLISHED and CLOSE_WAIT always have an owner, those of
	// SYN_RECV and TIME_WAIT never.
	Owned bool
	// Hold is what the socket waits for.
	Hold Hold
	// Options are set on the socket.
	Options Options
}

// Hold is what a socket waits for.
type Hold uint8

const (
	// Plain waits for the acknowledgement of a lone SYN or FIN where the state
	// has sent one, and otherwise for nothing but the peer.
	Plain Hold = iota
	// DataInFlight waits for the acknowledgement of data: of one segment with
	// nothing behind it in ESTABLISHED and CLOSE_WAIT, and with a FIN behind it
	// in FIN_WAIT_1, CLOSING and LAST_ACK, whose tail loss probe is sooner.
	DataInFlight
	// NeverSent waits to send a segment that was dropped on its own host's way
	// out. The kernel counts it as not sent, and the persist timer holds the
	// state.
	NeverSent
	// ZeroWindow waits for the peer to open its receive window. The peer
	// is silent.
	ZeroWindow
	// ZeroWindowAnswered is the same with a peer that acknowledges the probes.
	ZeroWindowAnswered
	// Unread waits for nothing: the owner closes while data lies unread, and
	// a reset takes the place of the FIN.
	Unread
	// NoLinger waits for nothing either: the owner closes with SO_LINGER set to
	// no time at all.
	NoLinger
)

var holdNames = [...]string{
	"", "data in flight", "never sent", "zero window, peer silent", "zero window, peer answers",
	"closed with data unread", "closed with SO_LINGER 0",
}

// Options are the socket options that decide when a connection ends. The zero
// value is a socket on which none was set.
type Options struct {
	// UserTimeout is TCP_USER_TIMEOUT, in milliseconds; 0 is none.
	UserTimeout time.Duration
	// Linger2 is TCP_LINGER2 in whole seconds: 0 leaves it to
	// tcp_fin_timeout, negative ends the socket without any FIN_WAIT_2.
	Linger2 time.Duration
	// SynCount is TCP_SYNCNT; 0 leaves it to tcp_syn_retries and
	// tcp_synack_retries.
	SynCount int
	// Keepalive is SO_KEEPALIVE.
	Keepalive bool
	// KeepaliveIdle and KeepaliveInterval are TCP_KEEPIDLE and TCP_KEEPINTVL
	// in whole seconds, KeepaliveCount is TCP_KEEPCNT; 0 leaves them to the
	// sysctls.
	KeepaliveIdle, KeepaliveInterval time.Duration
	KeepaliveCount                   int
}

// String names the state and what is special.
func (e Ending) String() string {
	var special []string
	if e.owned() && !(Ending{State: e.State}).owned() {
		special = append(special, "with an owner")
	}
	if e.Hold != Plain {
		special = append(special, holdNames[e.Hold])
	}
	if len(special) == 0 {
		return e.State.String()
	}
	return fmt.Sprintf("%v (%s)", e.State, strings.Join(special, ", "))
}

// Socket is what was measured of one connection.
type Socket struct {
	// RTO is tcpi_rto before the first retransmission, the R0 of the formulas.
	RTO time.Duration
	// RTT is tcpi_rtt, the smoothed round-trip time.
	RTT time.Duration
}

// IdleSocket is a connection over a wire whose round trip takes microseconds:
// its RTO is the least one, rounded up to a jiffy. It is what a plan assumes
// where nothing has been measured yet.
func (m Model) IdleSocket() Socket {
	const rtt = 50 * time.Microsecond
	return Socket{RTO: min(m.HZ.Ceil(m.Settings.RTOMin+rtt), m.rtoMax()), RTT: rtt}
}

// Window predicts when the socket is gone from the state. A hold that the state
// cannot have is taken for [Plain]. Window panics for a state that it has no
// model of.
func (m Model) Window(ending Ending, socket Socket) Window {
	window := m.window(ending, socket)
	window.Rivals = m.rivals(window, socket)
	return window
}

// window is Window without the rivals.
func (m Model) window(ending Ending, socket Socket) Window {
	window := Window{Ending: ending}
	switch ending.State {
	case SynSent:
		m.synSent(&window)
	case SynRecv, NewSynRecv:
		m.synRecv(&window)
	case Established, CloseWait, FinWait1, Closing, LastAck:
		m.synchronized(&window, socket)
	case FinWait2:
		m.finWait2(&window, socket)
	case TimeWait:
		m.timeWait(&window)
	default:
		panic(fmt.Sprintf("no model of %v", ending.State))
	}
	if !window.Never() {
		window.Errors = ending.errors()
	}
	return window
}

// synchronized is a state in which segments of either end may be outstanding.
func (m Model) synchronized(w *Window, socket Socket) {
	switch {
	case w.Ending.aborts():
		m.abort(w)
	case w.Ending.Hold.persists():
		m.persisting(w, socket)
	case w.Ending.Hold == DataInFlight || w.Ending.State.finUnacknowledged():
		m.retransmitting(w, socket)
	default:
		m.quiet(w)
	}
}

// quiet is a state with an owner in which nothing is outstanding.
func (m Model) quiet(w *Window) {
	if w.Ending.Options.Keepalive {
		m.keepalive(w)
		return
	}
	w.Why = "no timer holds this state: only the owner or the peer ends it"
	w.Source = "tcp_keepalive_timer (net/ipv4/tcp_timer.c), " + releases
}

// owned reports whether a process has the socket open, be it that the state
// always has an owner or that it never has one.
func (e Ending) owned() bool {
	switch e.State {
	case SynSent, Established, CloseWait:
		return true
	case SynRecv, NewSynRecv, TimeWait:
		return false
	}
	return e.Owned
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

// rtoMax is tcp_rto_max_ms in whole jiffies, as the kernel keeps it.
func (m Model) rtoMax() time.Duration { return m.HZ.Ceil(m.Settings.RTOMax) }
