package tcp

// Outcome is one possible end.
type Outcome struct {
	// Span is where it lies, counted from the clock of the window.
	Span Span
	// Counters are what the host's counters have moved by since the clock of
	// the window started, by their names in /proc/net/snmp and
	// /proc/net/netstat. Those of Counted that are missing have not moved.
	Counters Counters
}

// Counters are counters of the kernel by name.
type Counters map[string]int

// Counted are the counters that tell ends apart.
var Counted = []string{
	"TCPTimeouts", "RetransSegs", "TCPLossProbes", "TCPSynRetrans", "TCPWinProbe", "TCPKeepAlive",
	"TCPAbortOnTimeout", "TCPAbortOnData", "TCPAbortOnClose", "TCPAbortOnLinger", "TCPAbortOnMemory",
	"TCPTimeWaitOverflow", "TW", "TWKilled", "TWRecycled", "AttemptFails", "EstabResets", "OutRsts",
}

// add counts n more; nothing is no entry.
func (c Counters) add(name string, n int) {
	if n > 0 {
		c[name] += n
	}
}

// timedOut are the counters of tcp_write_err, by which a timer ends a socket
// with or without an owner. Leaving ESTABLISHED or CLOSE_WAIT for CLOSED is
// a reset to tcp_set_state, whether or not one was sent (net/ipv4/tcp.c, Linux
// 5.10 to 7.3).
func (s State) timedOut() Counters {
	counters := Counters{"TCPAbortOnTimeout": 1}
	if s == Established || s == CloseWait {
		counters.add("EstabResets", 1)
	}
	return counters
}

// outcomes gives each end of the chain the counters of its firing.
func (c chain) outcomes(count func(firing int) Counters) []Outcome {
	var outcomes []Outcome
	for _, end := range c.ends {
		outcomes = append(outcomes, Outcome{end.span, count(end.firing)})
	}
	return outcomes
}
