package harness

import (
	"slices"

	"github.com/finwait/finwait/harness/tcp"
)

// An orphan whose FIN is acknowledged waits in FIN_WAIT_2 as a minisocket, and is gone
// without a word. If the acknowledgement comes while close has the socket locked, and has
// already looked for it, the kernel keeps the full socket ("Bad case" in
// tcp_rcv_state_process in net/ipv4/tcp_input.c, Linux 5.10 to 7.3), and at its end sends
// a reset (tcp_keepalive_timer in net/ipv4/tcp_timer.c), which ends the CLOSE_WAIT of the
// peer. This is a matter of microseconds: one connection in some thousands. An
// acknowledgement that comes before close or after it meets no lock, and is no excuse:
// TestCloseWait and TestFinWait2AfterThaw show that the kernel then makes the minisocket.

// resetByLockedPeer reports whether the spell was ended by the reset of a peer that was in
// FIN_WAIT_2 as such a full socket.
func (c *Conn) resetByLockedPeer(s spell) (bool, error) {
	peer := c.peer()
	if peer == nil {
		return false, nil
	}
	waited := peer.lockedFinWait2()
	if waited == nil {
		return false, nil
	}
	all, _, err := c.host.lab.wire()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(segment crossing) bool {
		return segment.from == peer.host && segment.From == peer.local && segment.To == peer.remote && segment.Flags.Has(RST) &&
			!segment.sent.Before(waited.last) && !segment.arrived.IsZero() && !segment.arrived.After(s.ended.to)
	}), nil
}

// lockedFinWait2 is the spell of FIN_WAIT_2, if it is over, began while close was being
// called, and was a full socket's where a minisocket is due; nil if not.
func (c *Conn) lockedFinWait2() *spell {
	window := c.predict(tcp.FinWait2, nil)
	if len(window.Phases) == 0 || window.Phases[0].Timer != tcp.TimerTimeWait {
		return nil
	}
	stages, _ := c.watcher.seen()
	s := find(spells(stages), tcp.FinWait2)
	if s == nil || !s.over() || s.began.to.Before(c.closing.from) || s.began.from.After(c.closing.to) {
		return nil
	}
	if !slices.ContainsFunc(s.stages, func(s stage) bool { return s.timer == window.Phases[0].Or }) {
		return nil
	}
	return s
}
