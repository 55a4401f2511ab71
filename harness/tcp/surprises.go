package tcp

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Surprises says where a setting does something else than its name suggests:
// one sentence each, beginning with the sysctl and its value. The times are
// those of an idle connection ([Model.IdleSocket]) on an ideal machine; the
// earliest end of a window stands for it.
func (m Model) Surprises() []string {
	m.Late = nil
	return slices.Concat(
		m.finTimeoutTwice(), m.orphanZero(), m.notTimeWait(), m.reuse(),
		m.retries2Budget(), m.orphanBudget(), m.finTimeoutFloor(), m.linearSyn(), m.keepaliveOff(),
	)
}

// idleEnd is the window of an idle connection.
func (m Model) idleEnd(state State) Window {
	return m.window(Ending{State: state}, m.IdleSocket())
}

// about gives the beginnings of spans in three figures.
func about(spans Spans) string {
	texts := make([]string, len(spans))
	for i, span := range spans {
		texts[i] = figures(span.Min)
	}
	return "about " + strings.Join(texts, " or ")
}

func figures(d time.Duration) string {
	unit := time.Second
	for unit > time.Millisecond && d < 100*unit {
		unit /= 10
	}
	return Text(d.Round(unit))
}

func (m Model) finTimeoutTwice() []string {
	set, window := m.Settings.FinTimeout, m.idleEnd(FinWait2)
	if set <= timeWaitLen || window.Min() == set {
		return nil
	}
	return []string{fmt.Sprintf("tcp_fin_timeout=%d: the kernel waits twice for what is over 60 s, so an orphan stays in FIN_WAIT_2 for %s, not %[1]d s",
		set/time.Second, about(window.Spans))}
}

func (m Model) orphanZero() []string {
	if m.Settings.OrphanRetries != 0 {
		return nil
	}
	return []string{fmt.Sprintf("tcp_orphan_retries=0: 0 means %d until the timeout reaches its maximum, so an orphan whose FIN is not acknowledged lives %s",
		orphanDefault, about(m.idleEnd(FinWait1).Spans))}
}

func (m Model) notTimeWait() []string {
	window := m.idleEnd(TimeWait)
	if m.Settings.FinTimeout == window.Min() {
		return nil
	}
	return []string{fmt.Sprintf("tcp_fin_timeout=%d is not the length of TIME_WAIT, which stays %s whatever the settings",
		m.Settings.FinTimeout/time.Second, Text(window.Min()))}
}

// reuse follows tcp_twsk_unique (net/ipv4/tcp_ipv4.c, Linux 5.10 to 7.3).
func (m Model) reuse() []string {
	switch m.Settings.TimeWaitReuse {
	case 1:
		return []string{"tcp_tw_reuse=1 shortens no TIME_WAIT: it lets a connect without a bound port take over one with timestamps that is older than 1 s (tcp_tw_reuse_delay from Linux 6.14 on)"}
	case 2:
		return []string{"tcp_tw_reuse=2 reuses a TIME_WAIT between loopback addresses alone and is off for all others"}
	}
	return nil
}

func (m Model) retries2Budget() []string {
	window := m.window(Ending{State: Established, Hold: DataInFlight}, m.IdleSocket())
	return []string{m.budgetText("tcp_retries2", m.Settings.Retries2, "unacknowledged data ends a connection", window)}
}

func (m Model) orphanBudget() []string {
	if m.Settings.OrphanRetries == 0 {
		return nil
	}
	return []string{m.budgetText("tcp_orphan_retries", m.Settings.OrphanRetries, "an unacknowledged FIN ends an orphan", m.idleEnd(FinWait1))}
}

func (m Model) budgetText(name string, n int, what string, window Window) string {
	most := ""
	if len(window.Outcomes) > 1 {
		most = "at most "
	}
	return fmt.Sprintf("%s=%d is no count but a time, %s from the first timeout on and looked at only when the timer fires, so %s after %s and %s%d retransmissions",
		name, n, Text(m.budget(n, budgetBase)), what, about(window.Spans), most, window.resent())
}

// resent is how often a segment is sent again until the latest end.
func (w Window) resent() int { return w.Outcomes[len(w.Outcomes)-1].Counters["RetransSegs"] }

func (m Model) finTimeoutFloor() []string {
	set, floor := m.Settings.FinTimeout, m.finFloor(m.IdleSocket())
	if set >= floor {
		return nil
	}
	return []string{fmt.Sprintf("tcp_fin_timeout=%d is below 3.5 retransmission timeouts, the least that an orphan stays in FIN_WAIT_2: %s",
		set/time.Second, about(m.idleEnd(FinWait2).Spans))}
}

func (m Model) linearSyn() []string {
	window := m.idleEnd(SynSent)
	if window.resent() == m.Settings.SynRetries {
		return nil
	}
	return []string{fmt.Sprintf("tcp_syn_retries=%d with tcp_syn_linear_timeouts=%d sends a SYN %d times again, and connect fails after %s",
		m.Settings.SynRetries, m.Settings.SynLinearTimeouts, window.resent(), about(window.Spans))}
}

func (m Model) keepaliveOff() []string {
	var changed []string
	for _, sysctl := range sysctls {
		if strings.HasPrefix(sysctl.name, "tcp_keepalive_") && sysctl.get(m.Settings) != sysctl.get(DefaultSettings()) {
			changed = append(changed, fmt.Sprintf("%s=%d", sysctl.name, sysctl.get(m.Settings)))
		}
	}
	if changed == nil {
		return nil
	}
	s := m.Settings
	silent := s.KeepaliveTime + time.Duration(s.KeepaliveProbes)*s.KeepaliveInterval
	return []string{fmt.Sprintf("%s: only a connection with SO_KEEPALIVE is probed and ends after about %s of silence; any other is never given up while it is idle",
		strings.Join(changed, ", "), figures(silent))}
}
