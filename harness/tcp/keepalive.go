package tcp

import (
	"fmt"
	"time"
)

// probing are the times of keepalive: the options, or the sysctls in their
// place.
type probing struct {
	idle, interval time.Duration
	count          int
	names          [3]string // with the values
}

func (m Model) probing(options Options) probing {
	choose := func(option time.Duration, optionName string, sysctl time.Duration, sysctlName string) (time.Duration, string) {
		if option > 0 {
			return option, fmt.Sprintf("%s=%d", optionName, option/time.Second)
		}
		return sysctl, fmt.Sprintf("%s=%d", sysctlName, sysctl/time.Second)
	}
	var p probing
	p.idle, p.names[0] = choose(options.KeepaliveIdle, "TCP_KEEPIDLE", m.Settings.KeepaliveTime, "tcp_keepalive_time")
	p.interval, p.names[1] = choose(options.KeepaliveInterval, "TCP_KEEPINTVL", m.Settings.KeepaliveInterval, "tcp_keepalive_intvl")
	p.count, p.names[2] = m.Settings.KeepaliveProbes, fmt.Sprintf("tcp_keepalive_probes=%d", m.Settings.KeepaliveProbes)
	if options.KeepaliveCount > 0 {
		p.count, p.names[2] = options.KeepaliveCount, fmt.Sprintf("TCP_KEEPCNT=%d", options.KeepaliveCount)
	}
	return p
}

// keepalive is a socket with an owner and nothing outstanding, whose peer
// answers no probe (tcp_keepalive_timer in net/ipv4/tcp_timer.c, Linux 5.10 to
// 7.3). The firing behind the last probe sends a reset and ends the socket.
// Traffic does not arm the timer anew: it fires when it was to, sends nothing
// and is armed for what remains.
//
// TCP_USER_TIMEOUT takes the place of the count: the socket ends at the first
// firing behind a probe that finds it idle for so long. Idle time from before
// keepalive was switched on counts too; the model takes it for none.
func (m Model) keepalive(w *Window) {
	w.Clock = Idle
	w.Source = "tcp_keepalive_timer (net/ipv4/tcp_timer.c), " + releases
	p, userTimeout := m.probing(w.Ending.Options), w.Ending.Options.UserTimeout
	w.Why = fmt.Sprintf("%s, %s, %s", p.names[0], p.names[1], p.names[2])
	if userTimeout > 0 {
		w.Why = fmt.Sprintf("%s, %s; TCP_USER_TIMEOUT of %s in place of the number of probes", p.names[0], p.names[1], Text(userTimeout))
	}
	c := m.follow(course{
		timer:    TimerKeepalive,
		interval: func(firings int) time.Duration { return max(p.arm(firings), m.HZ.Tick()) },
		limit: func(firing int, _ Span) Span {
			switch {
			case userTimeout > 0 && firing > 1:
				return after(m.HZ.Ceil(userTimeout))
			case userTimeout == 0 && firing > p.count:
				return ends
			}
			return lives
		},
	})
	c.fill(w, func(firing int) Counters {
		counters := w.Ending.State.timedOut()
		counters.add("TCPKeepAlive", firing-1)
		counters.add("OutRsts", 1)
		return counters
	})
	w.Calculation = p.text(c)
}

// arm is for how long the timer is armed behind so many firings.
func (p probing) arm(firings int) time.Duration {
	if firings == 0 {
		return p.idle
	}
	return p.interval
}

func (p probing) text(c chain) string {
	if len(c.ends) == 0 {
		return ""
	}
	text := fmt.Sprintf("%s idle + %d × %s for the probes", Text(p.idle), c.ends[0].firing-1, Text(p.interval))
	if len(c.ends) > 1 {
		text += ", or one probe more: lateness decides"
	}
	return text
}

// idleRivals are the mistakes about a state in which nothing is outstanding.
func (m Model) idleRivals(e Ending) mistakes {
	var all mistakes
	if !e.Options.Keepalive {
		p := m.probing(e.Options)
		all.add(fmt.Sprintf("keepalive (%s, %s, %s), which is off", p.names[0], p.names[1], p.names[2]),
			func(_ *Model, e *Ending) { e.Options.Keepalive = true })
	} else {
		all = m.keepaliveRivals(e)
	}
	if e.State == FinWait2 {
		all.add("FIN_WAIT_2 as without an owner", func(_ *Model, e *Ending) { e.Owned = false })
	}
	return all
}

func (m Model) keepaliveRivals(e Ending) mistakes {
	var all mistakes
	p := m.probing(e.Options)
	count := func(n int) func(*Model, *Ending) {
		return func(m *Model, e *Ending) {
			m.Settings.KeepaliveProbes, e.Options.KeepaliveCount, e.Options.UserTimeout = n, 0, 0
		}
	}
	if e.Options.UserTimeout > 0 {
		all.add(p.names[2]+" in place of TCP_USER_TIMEOUT", count(p.count))
	} else {
		all.add("one probe more", count(p.count+1))
		if p.count > 0 {
			all.add("one probe fewer", count(p.count-1))
		}
	}
	for _, option := range []struct {
		set, sysctl   time.Duration
		name, instead string
		clear         func(*Model, *Ending)
	}{
		{e.Options.KeepaliveIdle, m.Settings.KeepaliveTime, "tcp_keepalive_time", "TCP_KEEPIDLE",
			func(_ *Model, e *Ending) { e.Options.KeepaliveIdle = 0 }},
		{e.Options.KeepaliveInterval, m.Settings.KeepaliveInterval, "tcp_keepalive_intvl", "TCP_KEEPINTVL",
			func(_ *Model, e *Ending) { e.Options.KeepaliveInterval = 0 }},
	} {
		if option.set > 0 && option.set != option.sysctl {
			all.add(fmt.Sprintf("%s=%d in place of %s", option.name, option.sysctl/time.Second, option.instead), option.clear)
		}
	}
	if own := e.Options.KeepaliveCount; own > 0 && own != m.Settings.KeepaliveProbes {
		all.add(fmt.Sprintf("tcp_keepalive_probes=%d in place of TCP_KEEPCNT", m.Settings.KeepaliveProbes), count(m.Settings.KeepaliveProbes))
	}
	return all
}
