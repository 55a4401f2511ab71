package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
)

// tcp_rto_max_ms bounds the timeout, and with it the time that a number of
// retries stands for. With the default of tcp_orphan_retries the orphan ends as
// soon as the timeout has reached it.
func TestRTOMax(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, timeouts of a second at the most",
		Sysctls:  harness.Sysctls{"tcp_rto_max_ms": 1000, "tcp_retries2": 8},
		Variants: harness.Sweep("tcp_orphan_retries", 0, 1, 3),
		Ends:     tcp.Ending{State: tcp.FinWait1},
		Needs:    harness.Need{Sysctl: "tcp_rto_max_ms", Since: tcp.Release{Major: 6, Minor: 15}},
	}, closeWhileServerIsFrozen)
}

// tcp_rto_min_us shortens the first timeout, and not the time that a number of
// retries stands for: more of them fit in.
func TestRTOMin(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server frozen, timeouts from 50 ms on",
		Sysctls:  harness.Sysctls{"tcp_rto_min_us": 50_000, "tcp_retries2": 8},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 3),
		Ends:     tcp.Ending{State: tcp.FinWait1},
		Needs:    harness.Need{Sysctl: "tcp_rto_min_us", Since: tcp.Release{Major: 6, Minor: 11}},
	}, closeWhileServerIsFrozen)
}
