package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// While the peer's receive window is closed the persist timer probes it. If
// nothing answers, the connection ends when tcp_retries2 probes have been sent.
func TestZeroWindow(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server reads nothing, and does not answer probes",
		Sysctls:  harness.Sysctls{"tcp_orphan_retries": 7},
		Variants: harness.Sweep("tcp_retries2", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindow},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{}, unreading)
		lab.Server.Freeze(t, harness.Probes)

		client.FillWindow(t)

		client.ExpectReaped(t)
	})
}

// Without an owner tcp_orphan_retries takes the place of tcp_retries2. The FIN
// waits behind the data and is never sent.
func TestZeroWindowOfOrphan(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server reads nothing, and does not answer probes, client closes",
		Sysctls:  harness.Sysctls{"tcp_retries2": 7},
		Variants: harness.Sweep("tcp_orphan_retries", 1, 2, 3),
		Ends:     tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindow},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{}, unreading)
		lab.Server.Freeze(t, harness.Probes)
		client.FillWindow(t)

		require.NoError(t, client.Close())

		client.ExpectReaped(t)
	})
}

// A peer that answers keeps the connection alive for ever: it has only stopped
// reading.
func TestZeroWindowAnswered(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server reads nothing, and answers probes",
		Sysctls: harness.Sysctls{"tcp_retries2": 3, "tcp_orphan_retries": 1},
		Ends:    tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{}, unreading)
		client.FillWindow(t)

		client.ExpectStays(t, tcp.Established, 5*time.Second)
		client.ExpectForEver(t)
	})
}

// With tcp_retries2 of 0 or 1 it does not: the peer answers one probe in 500 ms at
// the most (tcp_invalid_ratelimit), the second comes sooner, and one probe
// without an answer is too many.
func TestZeroWindowAnsweredTooSeldom(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server reads nothing, and answers only the first of two probes",
		Sysctls: harness.Sysctls{"tcp_retries2": 1, "tcp_orphan_retries": 7},
		Ends:    tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{}, unreading)
		client.FillWindow(t)

		client.ExpectReaped(t)
	})
}

// TCP_USER_TIMEOUT ends it, too.
func TestZeroWindowAnsweredWithUserTimeout(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "server reads nothing, and answers probes, client with TCP_USER_TIMEOUT of 3 s",
		Ends: tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered, Options: threeSeconds},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{Options: lab.Ends.Options}, unreading)
		client.FillWindow(t)

		client.ExpectReaped(t)
	})
}

// An orphan is ended all the same, once the timeout of its probes has reached
// its maximum.
func TestZeroWindowAnsweredOfOrphan(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "server reads nothing, and answers probes, client closes",
		Sysctls:  harness.Sysctls{"tcp_rto_max_ms": 1000, "tcp_retries2": 7},
		Variants: harness.Sweep("tcp_orphan_retries", 0, 1),
		Ends:     tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindowAnswered},
		Needs:    harness.Need{Sysctl: "tcp_rto_max_ms", Since: tcp.Release{Major: 6, Minor: 15}},
	}, closeAgainstClosedWindow)
}

// With a small tcp_retries2 that maximum is never reached: a known deviation.
func TestZeroWindowAnsweredOfOrphanForEver(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server reads nothing, and answers probes, client closes with a small tcp_retries2",
		Sysctls: harness.Sysctls{"tcp_rto_max_ms": 1000, "tcp_retries2": 2},
		Ends:    tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindowAnswered},
		Needs:   harness.Need{Sysctl: "tcp_rto_max_ms", Since: tcp.Release{Major: 6, Minor: 15}},
	}, closeAgainstClosedWindow)
}

func closeAgainstClosedWindow(t *testing.T, lab *harness.Lab) {
	client, _ := lab.ConnectAs(t, harness.Endpoint{}, unreading)
	client.FillWindow(t)

	require.NoError(t, client.Close())

	client.Expect(t, tcp.FinWait1)
	client.ExpectReaped(t)
}
