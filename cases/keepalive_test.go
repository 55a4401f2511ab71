package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// everySecond are keepalive options: a probe after 2 s, then two more, and the end a
// second after the last. The three differ, and none is what TestKeepalive has as a sysctl.
var everySecond = tcp.Options{Keepalive: true, KeepaliveIdle: 2 * time.Second, KeepaliveInterval: time.Second, KeepaliveCount: 3}

// Keepalive is what ends a state with an owner when its peer is dead. It probes
// an idle connection, and when the last probe is not answered either, a RST is
// sent, and the application is told ETIMEDOUT. The sysctls rule it where the
// options are not set.
func TestKeepalive(t *testing.T) {
	bySysctl := tcp.Options{Keepalive: true}
	harness.Run(t, harness.Case{
		Name:    "server frozen, connection idle",
		Sysctls: harness.Sysctls{"tcp_keepalive_time": 3, "tcp_keepalive_intvl": 2, "tcp_keepalive_probes": 1, "tcp_retries2": 8},
		Variants: []harness.Variant{
			{Name: "by sysctl", Ends: tcp.Ending{State: tcp.Established, Options: bySysctl}},
			{Name: "by option", Ends: tcp.Ending{State: tcp.Established, Options: everySecond}},
			{Name: "with TCP_USER_TIMEOUT", Ends: tcp.Ending{State: tcp.Established, Options: withUserTimeout(everySecond, 500*time.Millisecond)}},
		},
	}, keepAliveWhileServerIsFrozen)
}

func withUserTimeout(options tcp.Options, timeout time.Duration) tcp.Options {
	options.UserTimeout = timeout
	return options
}

func keepAliveWhileServerIsFrozen(t *testing.T, lab *harness.Lab) {
	client, _ := lab.Connect(t)
	lab.Server.Freeze(t)

	require.NoError(t, client.SetOptions(lab.Ends.Options))

	client.ExpectReaped(t)
}

// While data is unacknowledged its timer fires and does nothing: tcp_retries2 ends
// the connection, here later than the probes would.
func TestKeepaliveWithUnacknowledgedData(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "server frozen, client sends, keepalive is on",
		Sysctls: harness.Sysctls{"tcp_retries2": 3},
		Ends:    tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight, Options: everySecond},
	}, func(t *testing.T, lab *harness.Lab) {
		client, _ := lab.ConnectAs(t, harness.Endpoint{Options: lab.Ends.Options}, harness.Endpoint{})
		lab.Server.Freeze(t)

		_, err := client.Write([]byte("anybody there?"))
		require.NoError(t, err)

		client.ExpectReaped(t)
	})
}

// Keepalive ends an idle connection in CLOSE_WAIT, too, which nothing else ends.
func TestKeepaliveInCloseWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "client half-closes and is frozen",
		Ends: tcp.Ending{State: tcp.CloseWait, Options: everySecond},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		server.Expect(t, tcp.CloseWait)
		lab.Client.Freeze(t)

		require.NoError(t, server.SetOptions(lab.Ends.Options))

		server.ExpectReaped(t)
	})
}

// And in FIN_WAIT_2 with an owner, which tcp_fin_timeout does not end.
func TestKeepaliveInFinWait2(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "client half-closes, server is frozen",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 1},
		Ends:    tcp.Ending{State: tcp.FinWait2, Owned: true, Options: everySecond},
	}, func(t *testing.T, lab *harness.Lab) {
		client, server := lab.Connect(t)
		require.NoError(t, client.CloseWrite())
		client.Expect(t, tcp.FinWait2)
		server.Expect(t, tcp.CloseWait)
		lab.Server.Freeze(t)

		require.NoError(t, client.SetOptions(lab.Ends.Options))

		client.ExpectReaped(t)
	})
}
