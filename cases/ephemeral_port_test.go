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
// tcp_tw_reuse lets it take one over that is older than a second. The default
// of 2 does so on loopback alone.
func TestEphemeralPortInTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "client connects, its only ephemeral port is in TIME_WAIT",
		Variants: harness.Sweep("tcp_tw_reuse", 0, 1, 2),
	}, func(t *testing.T, lab *harness.Lab) {
		client, listener := spendEphemeralPort(t, lab, lab.Server)
		_, err := lab.Client.Dial(listener.Addr(), harness.Endpoint{Unbound: true})
		if err == nil && lab.Variant == "tcp_tw_reuse=1" {
			client.RequireYounger(t, tcp.TimeWait, time.Second)
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
		}
	})
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
		} else {
			require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
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
