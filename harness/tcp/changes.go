package tcp

import (
	"fmt"
	"slices"
)

// A Change is what a release of Linux does otherwise than those before it, as far as
// windows depend on it, or whether there are any.
type Change struct {
	// Since is the first release that does so.
	Since Release
	// Sysctl is what explanations of windows and the needs of cases name it by.
	Sysctl string
	// State is the only one that it concerns; Gone for all.
	State State
	// Text says of the sysctl what is different, as "is new".
	Text string
}

// String is short, as "tcp_rto_max_ms is new (Linux 6.15)".
func (c Change) String() string { return fmt.Sprintf("%s %s (%v)", c.Sysctl, c.Text, c.Since) }

// isNew is of a sysctl that earlier releases lack.
const isNew = "is new"

// changes are in the order of the releases.
var changes = []Change{
	// tcp_write_timeout, tcp_retransmit_timer (net/ipv4/tcp_timer.c).
	{Release{6, 5}, "tcp_syn_linear_timeouts", Gone, isNew},
	// tcp_rto_min (include/net/tcp.h).
	{Release{6, 11}, "tcp_rto_min_us", Gone, isNew},
	// tcp_twsk_unique (net/ipv4/tcp_ipv4.c).
	{Release{6, 14}, "tcp_tw_reuse_delay", Gone, isNew},
	// tcp_rto_max (include/net/tcp.h).
	{Release{6, 15}, "tcp_rto_max_ms", Gone, isNew},
	// traits.synAckCapped.
	{Release{6, 19}, "tcp_rto_max_ms", SynRecv, "caps the timeouts of a SYN-ACK"},
}

// New reports whether the release is the first to have the sysctl.
func (c Change) New() bool { return c.Text == isNew }

// ChangesBetween are those that one of two releases has and the other has not.
func ChangesBetween(a, b Release) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return a.Before(c.Since.Major, c.Since.Minor) == b.Before(c.Since.Major, c.Since.Minor)
	})
}
