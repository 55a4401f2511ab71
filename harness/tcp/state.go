package tcp

import "fmt"

// State is a TCP connection state as the kernel numbers it
// (include/net/tcp_states.h). The zero value, [Gone], means that the kernel
// has no such socket.
type State uint8

// The states of RFC 9293, section 3.3.2, spelt as the kernel does.
const (
	Gone State = iota
	Established
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	NewSynRecv
)

var stateNames = [...]string{
	"gone", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
}

// String is the name as the kernel spells it, "gone" for [Gone].
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// progress orders the states by how far a connection has come to its end.
var progress = map[State]int{
	SynSent: 1, SynRecv: 1, NewSynRecv: 1, Established: 2, FinWait1: 3, CloseWait: 3,
	FinWait2: 4, Closing: 4, LastAck: 4, TimeWait: 5, Close: 6, Gone: 6,
}

// Past reports whether a connection in state s can no longer come to be in
// other: the figure of RFC 9293, section 3.3.2, has no way back.
func (s State) Past(other State) bool { return progress[s] > progress[other] }

// Timer is the timer that holds a socket, as sock_diag reports it
// (idiag_timer, inet_sk_diag_fill in net/ipv4/inet_diag.c, Linux 5.10 to 7.3).
type Timer uint8

// The timers of sock_diag.
const (
	TimerNone       Timer = iota
	TimerRetransmit       // retransmission timeout, tail loss probe or reordering timeout
	TimerKeepalive        // keepalive, or the full-socket phase of FIN_WAIT_2
	TimerTimeWait         // a minisocket: TIME_WAIT, or FIN_WAIT_2 without an owner
	TimerPersist          // probes of a closed window, or of a segment that could not be sent
)

var timerNames = [...]string{"no timer", "retransmission timer", "keepalive timer", "time-wait timer", "persist timer"}

// String names the timer for a reader.
func (t Timer) String() string {
	if int(t) < len(timerNames) {
		return timerNames[t]
	}
	return fmt.Sprintf("timer %d", uint8(t))
}
