package tcp

import (
	"fmt"
	"time"
)

// synRecv is SYN_RECV, a request of a listener that waits for the last
// acknowledgement of the handshake. A SYN-ACK that cannot be sent again, its
// own host dropping it, ends the request at the first timeout
// (reqsk_timer_handler in net/ipv4/inet_connection_sock.c, Linux 5.10 to 7.3).
//
// The model is that of a listener whose queue is less than half full: a fuller
// one gives old requests fewer retries.
func (m Model) synRecv(w *Window) {
	w.Clock = SYNCame
	w.Source = "reqsk_timer_handler, syn_ack_recalc (net/ipv4/inet_connection_sock.c), " + releases
	retries, name := m.synAckRetries(w.Ending.Options)
	w.Why = fmt.Sprintf("%s allows %s of the SYN-ACK", name, several(retries, "retransmission"))
	if m.Settings.RTOMax < rtoMaxConstant {
		w.Why += m.cappedWhy()
	}
	if w.Ending.Hold == NeverSent {
		retries = 0
		w.Why = "a SYN-ACK that its own host drops is not sent again"
	}
	m.follow(course{
		timer:    TimerRetransmit,
		interval: m.synAckTimeout,
		limit: func(firing int, _ Span) Span {
			if firing > retries {
				return ends
			}
			return lives
		},
	}).fill(w, func(firing int) Counters {
		counters := Counters{}
		counters.addSYNs(firing)
		return counters
	})
}

// synAckRetries is how often the SYN-ACK is sent again, and what says so.
func (m Model) synAckRetries(options Options) (n int, name string) {
	if options.SynCount > 0 {
		return options.SynCount, fmt.Sprintf("the listener's TCP_SYNCNT=%d", options.SynCount)
	}
	return m.Settings.SynAckRetries, fmt.Sprintf("tcp_synack_retries=%d", m.Settings.SynAckRetries)
}

// synAckTimeout doubles up to what the release caps it at.
func (m Model) synAckTimeout(firings int) time.Duration {
	if !m.Release.traits().synAckCapped {
		m.Settings.RTOMax = rtoMaxConstant
	}
	return m.Timeout(Socket{RTO: firstSYN}, firings)
}

// synRecvRivals are the mistakes about a SYN-ACK.
func (m Model) synRecvRivals(e Ending) mistakes {
	var all mistakes
	n, _ := m.synAckRetries(e.Options)
	name := "tcp_synack_retries"
	if e.Options.SynCount > 0 {
		name = "TCP_SYNCNT"
	}
	set := func(n int) func(*Model, *Ending) {
		return func(m *Model, e *Ending) { m.Settings.SynAckRetries, e.Options.SynCount, e.Hold = n, 0, Plain }
	}
	if e.Hold == NeverSent {
		if n > 0 {
			all.add(fmt.Sprintf("%s=%d although the SYN-ACK is dropped on its own host's way out", name, n), set(n))
		}
		return all
	}
	all.addNeighbours(name, n, 0, set)
	if e.Options.SynCount > 0 && m.Settings.SynAckRetries != n {
		all.add(fmt.Sprintf("tcp_synack_retries=%d in place of TCP_SYNCNT", m.Settings.SynAckRetries), set(m.Settings.SynAckRetries))
	}
	if other := m.Settings.SynRetries; other != n {
		all.add(fmt.Sprintf("tcp_syn_retries=%d in place of %s", other, name), set(other))
	}
	if n > 0 && m.Settings.RTOMax < rtoMaxConstant {
		all.add(m.cappedRival(), func(m *Model, _ *Ending) {
			if m.Release.traits().synAckCapped {
				m.Settings.RTOMax = rtoMaxConstant
			} else {
				m.Release = Release{}
			}
		})
	}
	return all
}

func (m Model) cappedWhy() string {
	if m.Release.traits().synAckCapped {
		return ", tcp_rto_max_ms caps their timeouts"
	}
	return ", tcp_rto_max_ms does not cap their timeouts before Linux 6.19"
}

func (m Model) cappedRival() string {
	if m.Release.traits().synAckCapped {
		return "timeouts of the SYN-ACK above tcp_rto_max_ms, as before Linux 6.19"
	}
	return "timeouts of the SYN-ACK capped by tcp_rto_max_ms, as from Linux 6.19 on"
}
