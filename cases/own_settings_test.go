package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
)

// The cases of this file run under this machine's own settings, or under those of
// a sysctl.d file given with -settings: each closing state ends when these
// settings say.

func TestOwnSettingsFinWait1(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, server frozen, client closes",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.FinWait1},
	}, closeWhileServerIsFrozen)
}

func TestOwnSettingsLastAck(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, client half-closed and frozen, server closes",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.LastAck},
	}, closeWhileClientIsFrozen)
}

func TestOwnSettingsClosing(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, both closed, client's FIN never arrives",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.Closing},
	}, closeAtOnceWhileServerIsDeaf)
}

func TestOwnSettingsFinWait2(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, client closes, server never does",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.FinWait2},
	}, closeAndLeaveServerOpen)
}

func TestOwnSettingsTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, both closed",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.TimeWait},
	}, closeBoth)
}

func TestOwnSettingsUnacknowledgedData(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, server frozen, client sends",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight},
	}, sendWhileServerIsFrozen)
}

func TestOwnSettingsKeepalive(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, server frozen, connection idle with keepalive",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.Established, Options: tcp.Options{Keepalive: true}},
	}, keepAliveWhileServerIsFrozen)
}

func TestOwnSettingsSynSent(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:        "own settings, server frozen, client connects",
		OwnSettings: true,
		Ends:        tcp.Ending{State: tcp.SynSent},
	}, connectWhileServerIsFrozen)
}
