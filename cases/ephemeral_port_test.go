package cases

import (
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// When every ephemeral port is in TIME_WAIT, connect without bind fails, unless
// tcp_tw_reuse lets it take one over that is older than a second: until Linux 6.13
// one from an earlier second of the clock. The default of 2 does so on loopback alone.
func TestEphemeralPortInTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client connects, its only ephemeral port is in TIME_WAIT",
		Variants: harness.Sweep("tcp_tw_reuse", 0, 1, 2),
	}, func(t *testing.T, lab *harness.Lab) {
		client, listener := spendEphemeralPort(t, lab, lab.Server)
		_, err := lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})
		if err == nil && lab.Variant == "tcp_tw_reuse=1" && mayTakeOver(t, lab, client) {
			return
		}
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
		client.ExpectStays(t, tcp.TimeWait, 2*time.Second)

		again, err := lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})

		if lab.Variant == "tcp_tw_reuse=1" {
			require.NoError(t, err)
			again.Expect(t, tcp.Established)
			lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1, "TWRecycled": 1})
		} else {
			require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
			lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		}
	})
}

// mayTakeOver reports whether TIME_WAIT may be taken over already (tcp_twsk_unique in
// net/ipv4/tcp_ipv4.c): until Linux 6.13 as soon as another second of the clock has
// begun. Since 6.14 it may not for tcp_tw_reuse_delay, and a test that came later than
// that is inconclusive.
func mayTakeOver(t *testing.T, lab *harness.Lab, client *harness.Conn) bool {
	t.Helper()
	if lab.Client.HasSysctl(t, "tcp_tw_reuse_delay") {
		client.RequireYounger(t, tcp.TimeWait, time.Second)
		return false
	}
	return client.SecondsBegun(t, tcp.TimeWait) > 0
}

// On loopback the default of tcp_tw_reuse, 2, allows it after a second, too.
func TestEphemeralPortInTimeWaitOnLoopback(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client connects over loopback, its only ephemeral port is in TIME_WAIT",
		Variants: harness.Sweep("tcp_tw_reuse", 0, 2),
	}, func(t *testing.T, lab *harness.Lab) {
		client, listener := spendEphemeralPort(t, lab, lab.Client)
		client.ExpectStays(t, tcp.TimeWait, 2*time.Second)

		_, err := lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})

		if lab.Variant == "tcp_tw_reuse=2" {
			require.NoError(t, err)
			lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1, "TWRecycled": 1})
		} else {
			require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
			lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		}
	})
}

// Since Linux 6.14 tcp_tw_reuse_delay says how old TIME_WAIT must be.
func TestEphemeralPortReuseDelay(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client connects, its only ephemeral port is in TIME_WAIT for longer than tcp_tw_reuse_delay",
		Sysctls: harness.Sysctls{"tcp_tw_reuse": 1, "tcp_tw_reuse_delay": 3000},
		Needs:   harness.Need{Sysctl: "tcp_tw_reuse_delay", Since: tcp.Release{Major: 6, Minor: 14}},
	}, func(t *testing.T, lab *harness.Lab) {
		client, listener := spendEphemeralPort(t, lab, lab.Server)
		client.ExpectStays(t, tcp.TimeWait, 1500*time.Millisecond)
		_, err := lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})
		if err == nil {
			client.RequireYounger(t, tcp.TimeWait, 3*time.Second)
		}
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
		client.ExpectStays(t, tcp.TimeWait, 2*time.Second)

		_, err = lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})

		require.NoError(t, err)
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1, "TWRecycled": 1})
	})
}

// spendEphemeralPort leaves the client one ephemeral port, and that in
// TIME_WAIT.
func spendEphemeralPort(t *testing.T, lab *harness.Lab, at *harness.Host) (*harness.Conn, *harness.Listener) {
	t.Helper()
	lab.Client.SetPortRange(t, fixedPort)
	var to harness.Endpoint
	if at == lab.Client {
		to.Addr = loopback(lab)
	}
	listener, err := at.Listen(to)
	require.NoError(t, err)
	client, server := meet(t, lab, listener, harness.Endpoint{Unbound: true})
	closeInOrder(t, client, server)
	return client, listener
}
