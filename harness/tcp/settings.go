package tcp

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// Settings are the sysctls that decide when a closing connection ends, with
// the names they have below net.ipv4 (they rule IPv6 too) and as described in
// Documentation/networking/ip-sysctl.rst.
type Settings struct {
	// OrphanRetries is tcp_orphan_retries, 0 to 255: a time budget for
	// retransmitting without an owner, written as a number of retries.
	// 0 means 8.
	OrphanRetries int
	// Retries2 is tcp_retries2, the same with an owner.
	Retries2 int
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
}

// DefaultSettings are those compiled into the kernel, which a new network
// namespace starts with.
func DefaultSettings() Settings {
	return Settings{
		OrphanRetries: 0,
		Retries2:      15,
		FinTimeout:    60 * time.Second,
		EarlyRetrans:  3,
		SACK:          true,
		RTOMin:        200 * time.Millisecond,
		RTOMax:        120 * time.Second,
	}
}

// A sysctl is one input of Settings. One that this release of the kernel may
// lack keeps its default, which is the constant that it replaced.
type sysctl struct {
	name     string
	optional bool
	get      func(Settings) int
	set      func(*Settings, int)
}

var sysctls = []sysctl{
	{
		name: "tcp_orphan_retries",
		get:  func(s Settings) int { return s.OrphanRetries },
		set:  func(s *Settings, v int) { s.OrphanRetries = v },
	},
	{
		name: "tcp_retries2",
		get:  func(s Settings) int { return s.Retries2 },
		set:  func(s *Settings, v int) { s.Retries2 = v },
	},
	{
		name: "tcp_fin_timeout",
		get:  func(s Settings) int { return int(s.FinTimeout / time.Second) },
		set:  func(s *Settings, v int) { s.FinTimeout = time.Duration(v) * time.Second },
	},
	{
		name: "tcp_early_retrans",
		get:  func(s Settings) int { return s.EarlyRetrans },
		set:  func(s *Settings, v int) { s.EarlyRetrans = v },
	},
	{
		name: "tcp_sack",
		get:  func(s Settings) int { return map[bool]int{true: 1}[s.SACK] },
		set:  func(s *Settings, v int) { s.SACK = v != 0 },
	},
	{
		name: "tcp_rto_min_us", optional: true,
		get: func(s Settings) int { return int(s.RTOMin / time.Microsecond) },
		set: func(s *Settings, v int) { s.RTOMin = time.Duration(v) * time.Microsecond },
	},
	{
		name: "tcp_rto_max_ms", optional: true,
		get: func(s Settings) int { return int(s.RTOMax / time.Millisecond) },
		set: func(s *Settings, v int) { s.RTOMax = time.Duration(v) * time.Millisecond },
	},
}

// ReadSettings asks read for the value of every sysctl that the model needs,
// by its name below net.ipv4. Where read says that a sysctl does not exist
// (fs.ErrNotExist) and the kernel had a constant before it had the sysctl,
// the constant is taken.
func ReadSettings(read func(name string) (string, error)) (Settings, error) {
	settings := DefaultSettings()
	for _, sysctl := range sysctls {
		text, err := read(sysctl.name)
		if sysctl.optional && errors.Is(err, fs.ErrNotExist) {
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
