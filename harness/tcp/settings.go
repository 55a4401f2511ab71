package tcp

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// Settings are the sysctls that decide when a connection ends, with the names
// they have below net.ipv4 (they rule IPv6 too) and as described in
// Documentation/networking/ip-sysctl.rst.
type Settings struct {
	// SynRetries is tcp_syn_retries, 1 to 127: how often a SYN is sent again,
	// not counting the linear timeouts.
	SynRetries int
	// SynLinearTimeouts is tcp_syn_linear_timeouts (Linux 6.5), 0 before: how
	// many timeouts of a SYN pass before the timeout starts to double.
	SynLinearTimeouts int
	// SynAckRetries is tcp_synack_retries, 0 to 255: how often a SYN-ACK is
	// sent again.
	SynAckRetries int
	// Retries2 is tcp_retries2, 0 to 255: a time budget for retransmitting with
	// an owner, written as a number of retries.
	Retries2 int
	// OrphanRetries is tcp_orphan_retries, the same without an owner. 0 means 8.
	OrphanRetries int
	// ThinLinearTimeouts is tcp_thin_linear_timeouts: the timeout of a
	// connection with next to nothing in flight doubles later.
	ThinLinearTimeouts bool
	// KeepaliveTime is tcp_keepalive_time, in whole seconds: how long a
	// connection with SO_KEEPALIVE is idle before it is probed.
	KeepaliveTime time.Duration
	// KeepaliveInterval is tcp_keepalive_intvl, in whole seconds: the time
	// between two probes.
	KeepaliveInterval time.Duration
	// KeepaliveProbes is tcp_keepalive_probes, 0 to 255: how many probes go
	// unanswered before the connection is given up.
	KeepaliveProbes int
	// FinTimeout is tcp_fin_timeout, in whole seconds: how long FIN_WAIT_2
	// lasts without an owner. Above 60 s it means something else.
	FinTimeout time.Duration
	// EarlyRetrans is tcp_early_retrans; 3 and 4 allow the tail loss probe.
	EarlyRetrans int
	// SACK is tcp_sack; the tail loss probe needs it.
	SACK bool
	// RTOMin is tcp_rto_min_us (Linux 6.11), a constant 200 ms before.
	RTOMin time.Duration
	// RTOMax is tcp_rto_max_ms (Linux 6.15), a constant 120 s before.
	RTOMax time.Duration
	// TimeWaitReuse is tcp_tw_reuse: 0 never, 1 always, 2 on loopback alone.
	TimeWaitReuse int
}

// DefaultSettings are those compiled into the kernel, which a new network
// namespace starts with.
func DefaultSettings() Settings {
	return Settings{
		SynRetries:        6,
		SynLinearTimeouts: 4,
		SynAckRetries:     5,
		Retries2:          15,
		OrphanRetries:     0,
		KeepaliveTime:     7200 * time.Second,
		KeepaliveInterval: 75 * time.Second,
		KeepaliveProbes:   9,
		FinTimeout:        60 * time.Second,
		EarlyRetrans:      3,
		SACK:              true,
		RTOMin:            200 * time.Millisecond,
		RTOMax:            120 * time.Second,
		TimeWaitReuse:     2,
	}
}

// A sysctl is one input of Settings.
type sysctl struct {
	name string
	// min and max are what the kernel accepts (ipv4_net_table in
	// net/ipv4/sysctl_net_ipv4.c, Linux 5.10 to 7.3).
	min, max int
	// absent is what an older kernel does that lacks the sysctl; -1 where every
	// kernel has it.
	absent int
	get    func(Settings) int
	set    func(*Settings, int)
}

const (
	maxInt = 1<<31 - 1
	maxU8  = 1<<8 - 1
	always = -1
	// maxSeconds is INT_MAX jiffies at 100 ticks a second; a faster kernel
	// accepts less (proc_dointvec_jiffies in kernel/sysctl.c, Linux 5.10 to
	// 7.3). A negative time is accepted, but means nothing.
	maxSeconds = maxInt / 100
)

// number, length and flag make the three kinds of sysctl.
func number(name string, least, most, absent int, field func(*Settings) *int) sysctl {
	return sysctl{name, least, most, absent,
		func(s Settings) int { return *field(&s) },
		func(s *Settings, v int) { *field(s) = v },
	}
}

func length(name string, least, most, absent int, unit time.Duration, field func(*Settings) *time.Duration) sysctl {
	return sysctl{name, least, most, absent,
		func(s Settings) int { return int(*field(&s) / unit) },
		func(s *Settings, v int) { *field(s) = time.Duration(v) * unit },
	}
}

func flag(name string, field func(*Settings) *bool) sysctl {
	return sysctl{name, 0, maxU8, always,
		func(s Settings) int { return map[bool]int{true: 1}[*field(&s)] },
		func(s *Settings, v int) { *field(s) = v != 0 },
	}
}

// maxSyn is MAX_TCP_SYNCNT.
const maxSyn = 127

var sysctls = []sysctl{
	number("tcp_syn_retries", 1, maxSyn, always, func(s *Settings) *int { return &s.SynRetries }),
	number("tcp_syn_linear_timeouts", 0, maxSyn, 0, func(s *Settings) *int { return &s.SynLinearTimeouts }),
	number("tcp_synack_retries", 0, maxU8, always, func(s *Settings) *int { return &s.SynAckRetries }),
	number("tcp_retries2", 0, maxU8, always, func(s *Settings) *int { return &s.Retries2 }),
	number("tcp_orphan_retries", 0, maxU8, always, func(s *Settings) *int { return &s.OrphanRetries }),
	flag("tcp_thin_linear_timeouts", func(s *Settings) *bool { return &s.ThinLinearTimeouts }),
	length("tcp_keepalive_time", 0, maxSeconds, always, time.Second, func(s *Settings) *time.Duration { return &s.KeepaliveTime }),
	length("tcp_keepalive_intvl", 0, maxSeconds, always, time.Second, func(s *Settings) *time.Duration { return &s.KeepaliveInterval }),
	number("tcp_keepalive_probes", 0, maxU8, always, func(s *Settings) *int { return &s.KeepaliveProbes }),
	length("tcp_fin_timeout", 0, maxSeconds, always, time.Second, func(s *Settings) *time.Duration { return &s.FinTimeout }),
	number("tcp_early_retrans", 0, 4, always, func(s *Settings) *int { return &s.EarlyRetrans }),
	flag("tcp_sack", func(s *Settings) *bool { return &s.SACK }),
	length("tcp_rto_min_us", 1, maxInt, 200_000, time.Microsecond, func(s *Settings) *time.Duration { return &s.RTOMin }),
	length("tcp_rto_max_ms", 1000, 120_000, 120_000, time.Millisecond, func(s *Settings) *time.Duration { return &s.RTOMax }),
	number("tcp_tw_reuse", 0, 2, always, func(s *Settings) *int { return &s.TimeWaitReuse }),
}

// ReadSettings asks read for the value of every sysctl that the model needs,
// by its name below net.ipv4. Where read says that a sysctl does not exist
// (fs.ErrNotExist), and kernels before it did something constant, that is
// taken.
func ReadSettings(read func(name string) (string, error)) (Settings, error) {
	settings := DefaultSettings()
	for _, sysctl := range sysctls {
		text, err := read(sysctl.name)
		if sysctl.absent != always && errors.Is(err, fs.ErrNotExist) {
			sysctl.set(&settings, sysctl.absent)
			continue
		}
		if err != nil {
			return Settings{}, err
		}
		value, err := strconv.Atoi(text)
		if err != nil {
			return Settings{}, fmt.Errorf("%s: %w", sysctl.name, err)
		}
		sysctl.set(&settings, value)
	}
	return settings, nil
}

// Set changes the sysctl of that name, below net.ipv4, and reports whether the
// model depends on it.
func (s *Settings) Set(name string, value int) bool {
	for _, sysctl := range sysctls {
		if sysctl.name == name {
			sysctl.set(s, value)
			return true
		}
	}
	return false
}

// Changes says how other differs, as "tcp_fin_timeout was 2, now 4".
func (s Settings) Changes(other Settings) []string {
	var out []string
	for _, sysctl := range sysctls {
		if was, now := sysctl.get(s), sysctl.get(other); was != now {
			out = append(out, fmt.Sprintf("%s was %d, now %d", sysctl.name, was, now))
		}
	}
	return out
}

// SysctlNames are the sysctls that the model depends on, by their names below
// net.ipv4.
func SysctlNames() []string {
	names := make([]string, len(sysctls))
	for i, sysctl := range sysctls {
		names[i] = sysctl.name
	}
	return names
}

// SetAbsent has a sysctl be what it was in kernels that lack it.
func (s *Settings) SetAbsent(name string) {
	for _, sysctl := range sysctls {
		if sysctl.name == name && sysctl.absent != always {
			sysctl.set(s, sysctl.absent)
		}
	}
}

// Values are all settings by the names of their sysctls.
func (s Settings) Values() map[string]int {
	values := make(map[string]int, len(sysctls))
	for _, sysctl := range sysctls {
		values[sysctl.name] = sysctl.get(s)
	}
	return values
}
