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

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

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

func (t Timer) String() string {
	if int(t) < len(timerNames) {
		return timerNames[t]
	}
	return fmt.Sprintf("timer %d", uint8(t))
}
