package tcp

// aborts reports whether the owner ends the socket by a reset in place of
// a FIN.
func (e Ending) aborts() bool {
	return e.owned() && e.State != SynSent && (e.Hold == Unread || e.Hold == NoLinger)
}

// abort is the close of a socket that does not wait. Once the peer has sent its
// FIN and this end its own, SO_LINGER sends no reset (__tcp_close and
// tcp_disconnect in net/ipv4/tcp.c, Linux 5.10 to 7.3).
func (m Model) abort(w *Window) {
	e := w.Ending
	w.Clock = Closed
	w.Source = "__tcp_close, tcp_disconnect (net/ipv4/tcp.c), " + releases
	w.Calculation = "ended by close itself"
	counters := Counters{}
	if e.Hold == Unread {
		w.Why = "data was unread"
		counters.add("TCPAbortOnClose", 1)
	} else {
		w.Why = "SO_LINGER was set to no time"
		counters.add("TCPAbortOnData", 1)
	}
	if e.Hold == Unread || e.State != Closing && e.State != LastAck {
		counters.add("OutRsts", 1)
	}
	if e.State == Established || e.State == CloseWait {
		counters.add("EstabResets", 1)
	}
	w.Outcomes = []Outcome{{m.delay(Span{}), counters}}
	w.Spans = merge(w.Outcomes)
}
