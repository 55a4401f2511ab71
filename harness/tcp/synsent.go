package tcp

import (
	"fmt"
	"time"
)

// firstSYN is TCP_TIMEOUT_INIT (include/net/tcp.h, Linux 5.10 to 7.3): the
// first timeout of a SYN and of a SYN-ACK.
const firstSYN = time.Second

// synSent is SYN_SENT. The budget counts from the SYN, and the count of
// retransmissions is a limit besides. A SYN that is dropped on its own host's
// way out ([NeverSent]) is no other case: tcp_connect does not look at what
// became of it, and the retransmission timer runs (tcp_connect in
// net/ipv4/tcp_output.c, tcp_retransmit_timer, Linux 5.10 to 7.3).
func (m Model) synSent(w *Window) {
	w.Clock = SYNSent
	w.Source = "tcp_connect (net/ipv4/tcp_output.c), tcp_retransmit_timer, tcp_write_timeout (net/ipv4/tcp_timer.c), " + releases
	options := w.Ending.Options
	retries, name := m.synRetries(options)
	retransmissions, budget := retries+m.Settings.SynLinearTimeouts, m.budget(retries, firstSYN)
	w.Why = m.synSentWhy(name, retransmissions, Text(budget))
	limit := Span{budget - stampUnit, budget}
	if options.UserTimeout > 0 {
		w.Why = m.synSentWhy(name, retransmissions, "the "+Text(options.UserTimeout)+" of TCP_USER_TIMEOUT")
		limit = after(options.UserTimeout)
	}
	m.follow(course{
		timer:    TimerRetransmit,
		interval: m.synTimeout,
		limit: func(firing int, _ Span) Span {
			switch {
			case firing-1 >= retransmissions:
				return ends
			case firing == 1:
				return lives
			}
			return limit
		},
		userTimeout: options.UserTimeout, least: m.HZ.Tick(),
	}).fill(w, func(firing int) Counters {
		counters := w.Ending.State.timedOut()
		counters.addSYNs(firing)
		counters.add("AttemptFails", 1)
		return counters
	})
}

// addSYNs counts the firings of the timer of a SYN or SYN-ACK, all of which but
// the last send it again.
func (c Counters) addSYNs(firings int) {
	c.add("TCPTimeouts", firings)
	c.add("RetransSegs", firings-1)
	c.add("TCPSynRetrans", firings-1)
}

func (m Model) synSentWhy(name string, retransmissions int, budget string) string {
	allow := "allows"
	if linear := m.Settings.SynLinearTimeouts; linear > 0 {
		name, allow = fmt.Sprintf("%s and tcp_syn_linear_timeouts=%d", name, linear), "allow"
	}
	return fmt.Sprintf("%s %s %s or %s, whichever is first, asked only when the timer fires",
		name, allow, several(retransmissions, "retransmission"), budget)
}

// synRetries is how often the SYN is sent again, and what says so.
func (m Model) synRetries(options Options) (n int, name string) {
	if options.SynCount > 0 {
		return options.SynCount, fmt.Sprintf("TCP_SYNCNT=%d", options.SynCount)
	}
	return m.Settings.SynRetries, fmt.Sprintf("tcp_syn_retries=%d", m.Settings.SynRetries)
}

// synTimeout doubles only behind the linear timeouts.
func (m Model) synTimeout(firings int) time.Duration {
	return m.Timeout(Socket{RTO: firstSYN}, max(0, firings-m.Settings.SynLinearTimeouts))
}

// synSentRivals are the mistakes about a SYN.
func (m Model) synSentRivals(e Ending) mistakes {
	var all mistakes
	n, _ := m.synRetries(e.Options)
	name := "tcp_syn_retries"
	if e.Options.SynCount > 0 {
		name = "TCP_SYNCNT"
	}
	set := func(n int) func(*Model, *Ending) {
		return func(m *Model, e *Ending) { m.Settings.SynRetries, e.Options.SynCount = n, 0 }
	}
	if e.Options.UserTimeout > 0 {
		all.add(fmt.Sprintf("%s=%d in place of TCP_USER_TIMEOUT", name, n), func(_ *Model, e *Ending) { e.Options.UserTimeout = 0 })
		all.add(fmt.Sprintf("TCP_USER_TIMEOUT in place of %s=%d", name, n), set(maxSyn))
		return all
	}
	all.addNeighbours(name, n, 1, set)
	if e.Options.SynCount > 0 && m.Settings.SynRetries != n {
		all.add(fmt.Sprintf("tcp_syn_retries=%d in place of TCP_SYNCNT", m.Settings.SynRetries), set(m.Settings.SynRetries))
	}
	if other := m.Settings.SynAckRetries; other != n && other > 0 {
		all.add(fmt.Sprintf("tcp_synack_retries=%d in place of %s", other, name), set(other))
	}
	if m.Settings.SynLinearTimeouts > 0 {
		all.add("no linear timeouts (tcp_syn_linear_timeouts=0)", func(m *Model, _ *Ending) { m.Settings.SynLinearTimeouts = 0 })
	} else {
		all.add("linear timeouts (tcp_syn_linear_timeouts=4)", func(m *Model, _ *Ending) { m.Settings.SynLinearTimeouts = 4 })
	}
	return all
}
