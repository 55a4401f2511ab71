package tcp

// Errno is an error number by its name, as "ETIMEDOUT".
type Errno string

// EOF is what a receive without bytes stands for; it is no error number.
const EOF Errno = "EOF"

// Errors are what the owner of a socket is told when a timer ends it. An ICMP
// error that came before takes the place of ETIMEDOUT.
type Errors struct {
	// Blocked is what a call that waits in the socket is told: a receive, in
	// SYN_SENT a connect. Where the peer's FIN has come, a receive no longer
	// waits and is told EOF at once, before the end and after.
	Blocked Errno
	// Receive and Send are what the next calls of these are told after that.
	// Receive is empty for SYN_SENT: it depends on whether the connect waited.
	Receive, Send Errno
	// SendAgain is what every send after the first one is told.
	SendAgain Errno
}

// errors follows tcp_write_err, tcp_recvmsg_locked and sk_stream_error (Linux
// 5.10 to 7.3). The error is told once, to the first call that asks for it; a
// receive behind the peer's FIN does not ask.
func (e Ending) errors() Errors {
	const timedOut, broken = Errno("ETIMEDOUT"), Errno("EPIPE")
	switch {
	case !e.owned() || e.aborts():
		return Errors{}
	case e.State == SynSent:
		return Errors{Blocked: timedOut, Send: broken, SendAgain: broken}
	case e.State == CloseWait || e.State == Closing || e.State == LastAck:
		return Errors{Blocked: EOF, Receive: EOF, Send: timedOut, SendAgain: broken}
	case e.State == Established || e.State == FinWait1 || e.State == FinWait2:
		return Errors{Blocked: timedOut, Receive: EOF, Send: broken, SendAgain: broken}
	}
	return Errors{}
}
