package harness

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A timedMistake judges what cases do by another window than the model's: by
// that of the nearest rival that can be told from it.
type timedMistake struct {
	// cases are the functions of the cases that it stands for.
	cases []string
	// shownBy is a test of its own that shows the mistake; the row runs nothing.
	shownBy string
	ends    tcp.Ending
	sysctls Sysctls
	needs   Need
	// does is what the cases do, as far as their expectation.
	does func(t *testing.T, lab *Lab) *Conn
	// believed are settings to predict under, in place of the nearest rival.
	believed Sysctls
}

// timedMistakes has a row at least for each case that judges an end by time. The
// values are those that end the soonest.
var timedMistakes = slices.Concat(
	orphanMistakes, ownerMistakes, windowMistakes, keepaliveMistakes, handshakeMistakes, minisocketMistakes,
)

var (
	needsRTOMax = Need{Sysctl: "tcp_rto_max_ms", Since: tcp.Release{Major: 6, Minor: 15}}
	needsRTOMin = Need{Sysctl: "tcp_rto_min_us", Since: tcp.Release{Major: 6, Minor: 11}}
	needsLinear = Need{Sysctl: "tcp_syn_linear_timeouts", Since: tcp.Release{Major: 6, Minor: 5}}
)

// orphanMistakes are about a FIN that is not acknowledged, without an owner.
var orphanMistakes = []timedMistake{
	{cases: []string{"TestFinWait1Reaped", "TestLastAckReaped"}, shownBy: "TestMistakenRetries"},
	{
		cases: []string{"TestFinWait1Reaped", "TestOwnSettingsFinWait1", "TestFinTransmissions"},
		ends:  tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_orphan_retries": 1}, does: holdDeclared,
	},
	{
		cases: []string{"TestLastAckReaped", "TestLastAckReapedWhenClosedLater", "TestOwnSettingsLastAck", "TestLastAckTransmissions"},
		ends:  tcp.Ending{State: tcp.LastAck}, sysctls: Sysctls{"tcp_orphan_retries": 1}, does: holdDeclared,
	},
	{
		cases: []string{"TestTimeWaitReacknowledges"},
		ends:  tcp.Ending{State: tcp.LastAck}, sysctls: Sysctls{"tcp_orphan_retries": 1}, does: closeLastWhileDeaf,
	},
	{
		cases: []string{"TestClosingReaped", "TestOwnSettingsClosing"},
		ends:  tcp.Ending{State: tcp.Closing}, sysctls: Sysctls{"tcp_orphan_retries": 2}, does: closeBothWhileServerIsDeaf,
	},
	{
		cases: []string{"TestFinWait1ReapedByDefault"}, believed: Sysctls{"tcp_orphan_retries": 1},
		ends: tcp.Ending{State: tcp.FinWait1}, does: holdDeclared,
	},
	{
		cases: []string{"TestLastAckReapedByDefault"}, believed: Sysctls{"tcp_orphan_retries": 1},
		ends: tcp.Ending{State: tcp.LastAck}, does: holdDeclared,
	},
	{
		cases: []string{"TestRTOMax"}, needs: needsRTOMax,
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_rto_max_ms": 1000}, does: holdDeclared,
	},
	{
		cases: []string{"TestRTOMax"}, needs: needsRTOMax, believed: Sysctls{"tcp_rto_max_ms": 120_000},
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_rto_max_ms": 1000}, does: holdDeclared,
	},
	{
		cases: []string{"TestRTOMin"}, needs: needsRTOMin,
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_rto_min_us": 100_000, "tcp_orphan_retries": 1}, does: holdDeclared,
	},
	{
		cases: []string{"TestFinWait1ReapedWithData"},
		ends:  tcp.Ending{State: tcp.FinWait1, Hold: tcp.DataInFlight}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn {
			client := sendToFrozenServer(t, lab)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
	{
		cases: []string{"TestFinDroppedOnItsWayOut"},
		ends:  tcp.Ending{State: tcp.FinWait1, Hold: tcp.NeverSent}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, _ := lab.Connect(t)
			lab.Client.Freeze(t)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
	{
		cases: []string{"TestLinkDown"},
		ends:  tcp.Ending{State: tcp.FinWait1, Hold: tcp.NeverSent}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn { return closeWithLinkDown(t, lab, lab.Client) },
	},
	{
		cases: []string{"TestPeersLinkDown"},
		ends:  tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn { return closeWithLinkDown(t, lab, lab.Server) },
	},
	{
		cases: []string{"TestUserTimeoutOfOrphan"},
		ends:  tcp.Ending{State: tcp.FinWait1, Options: oneSecond}, sysctls: Sysctls{"tcp_orphan_retries": 2},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, _ := lab.ConnectAs(t, Endpoint{Options: lab.Ends.Options}, Endpoint{})
			lab.Server.Freeze(t)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
	{
		// When the close began, which took a second, only the timers tell, and
		// only where they are those that were predicted.
		cases: []string{"TestLingerFrozen"}, believed: Sysctls{"tcp_orphan_retries": 2},
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, _ := lab.Connect(t)
			require.NoError(t, client.SetLinger(1))
			lab.Server.Freeze(t)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
}

// ownerMistakes are about data and a FIN that are not acknowledged, with an owner.
var ownerMistakes = []timedMistake{
	{
		cases: []string{"TestUnacknowledgedData", "TestOwnSettingsUnacknowledgedData"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight}, sysctls: Sysctls{"tcp_retries2": 1},
		does: sendToFrozenServer,
	},
	{
		cases: []string{"TestUserTimeout"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight, Options: oneSecond}, sysctls: Sysctls{"tcp_retries2": 2},
		does: sendToFrozenServer,
	},
	{
		cases: []string{"TestKeepaliveWithUnacknowledgedData"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight, Options: probed}, sysctls: Sysctls{"tcp_retries2": 1},
		does: sendToFrozenServer,
	},
	{
		cases: []string{"TestFinWait1WithOwner"},
		ends:  tcp.Ending{State: tcp.FinWait1, Owned: true}, sysctls: Sysctls{"tcp_retries2": 1},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, _ := lab.Connect(t)
			lab.Server.Freeze(t)
			require.NoError(t, client.CloseWrite())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
}

// windowMistakes are about a closed receive window.
var windowMistakes = []timedMistake{
	{
		cases: []string{"TestZeroWindow"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindow}, sysctls: Sysctls{"tcp_retries2": 2},
		does: fillWindowOfSilentServer,
	},
	{
		cases: []string{"TestZeroWindowOfOrphan"},
		ends:  tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindow}, sysctls: Sysctls{"tcp_orphan_retries": 2},
		does: func(t *testing.T, lab *Lab) *Conn {
			client := fillWindowOfSilentServer(t, lab)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			return client
		},
	},
	{
		cases: []string{"TestZeroWindowAnsweredTooSeldom"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered}, sysctls: Sysctls{"tcp_retries2": 1},
		does: fillWindow,
	},
	{
		cases: []string{"TestZeroWindowAnsweredWithUserTimeout"},
		ends:  tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered, Options: oneSecond}, sysctls: Sysctls{"tcp_retries2": 3},
		does: fillWindow,
	},
	{
		cases: []string{"TestZeroWindowAnsweredOfOrphan"}, needs: needsRTOMax,
		ends:    tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindowAnswered},
		sysctls: Sysctls{"tcp_rto_max_ms": 1000, "tcp_retries2": 6, "tcp_orphan_retries": 0}, does: fillWindowAndClose,
	},
	{cases: []string{"TestZeroWindowAnsweredOfOrphanForEver"}, shownBy: "TestMistakenDeviation"},
}

// keepaliveMistakes are about keepalive.
var keepaliveMistakes = []timedMistake{
	{
		cases: []string{"TestKeepalive", "TestKeepaliveTransmissions"},
		ends:  tcp.Ending{State: tcp.Established, Options: probed}, does: keepAliveWhilePeerIsFrozen,
	},
	{
		cases:   []string{"TestKeepalive", "TestOwnSettingsKeepalive"},
		ends:    tcp.Ending{State: tcp.Established, Options: tcp.Options{Keepalive: true}},
		sysctls: Sysctls{"tcp_keepalive_time": 1, "tcp_keepalive_intvl": 1, "tcp_keepalive_probes": 1}, does: keepAliveWhilePeerIsFrozen,
	},
	{
		cases: []string{"TestKeepaliveInCloseWait"},
		ends:  tcp.Ending{State: tcp.CloseWait, Options: probed}, does: keepAliveWhilePeerIsFrozen,
	},
	{
		cases: []string{"TestKeepaliveInFinWait2"},
		ends:  tcp.Ending{State: tcp.FinWait2, Owned: true, Options: probed}, does: keepAliveWhilePeerIsFrozen,
	},
}

// handshakeMistakes are about a SYN and a SYN-ACK.
var handshakeMistakes = []timedMistake{
	{
		cases: []string{"TestSynSent", "TestOwnSettingsSynSent", "TestSynTransmissions"},
		ends:  tcp.Ending{State: tcp.SynSent}, sysctls: Sysctls{"tcp_syn_retries": 1}, does: dialFrozenServer,
	},
	{
		cases: []string{"TestSynSent"},
		ends:  tcp.Ending{State: tcp.SynSent, Options: tcp.Options{SynCount: 1}}, sysctls: Sysctls{"tcp_syn_retries": 2},
		does: dialFrozenServer,
	},
	{
		cases: []string{"TestSynSentWithoutLinearTimeouts"}, needs: needsLinear, believed: Sysctls{"tcp_syn_linear_timeouts": 4},
		ends: tcp.Ending{State: tcp.SynSent}, sysctls: Sysctls{"tcp_syn_retries": 1, "tcp_syn_linear_timeouts": 0}, does: dialFrozenServer,
	},
	{
		cases: []string{"TestUserTimeoutOfConnect"},
		ends:  tcp.Ending{State: tcp.SynSent, Options: oneSecond}, sysctls: Sysctls{"tcp_syn_retries": 1}, does: dialFrozenServer,
	},
	{
		cases: []string{"TestSynRecv", "TestSynAckTransmissions"},
		ends:  tcp.Ending{State: tcp.SynRecv}, sysctls: Sysctls{"tcp_synack_retries": 0},
		does: func(t *testing.T, lab *Lab) *Conn { return requestOf(t, lab, lab.Client, In) },
	},
	{
		cases: []string{"TestSynRecvNeverAnswered"},
		ends:  tcp.Ending{State: tcp.SynRecv, Hold: tcp.NeverSent}, sysctls: Sysctls{"tcp_synack_retries": 1},
		does: func(t *testing.T, lab *Lab) *Conn { return requestOf(t, lab, lab.Server, Out) },
	},
}

// minisocketMistakes are about FIN_WAIT_2 without an owner, and about TIME_WAIT.
var minisocketMistakes = []timedMistake{
	{
		cases: []string{"TestFinWait2Reaped", "TestOwnSettingsFinWait2", "TestCloseWait", "TestProcessStopped", "TestFinWait2AfterThaw"},
		ends:  tcp.Ending{State: tcp.FinWait2}, sysctls: Sysctls{"tcp_fin_timeout": 1}, does: closeFirst,
	},
	{
		cases: []string{"TestFinWait2ReapedAboveSixty"},
		ends:  tcp.Ending{State: tcp.FinWait2}, sysctls: Sysctls{"tcp_fin_timeout": 61}, does: closeFirst,
	},
	{
		cases: []string{"TestLinger2"},
		ends:  tcp.Ending{State: tcp.FinWait2, Options: tcp.Options{Linger2: time.Second}}, sysctls: Sysctls{"tcp_fin_timeout": 3},
		does: closeFirst,
	},
	{cases: []string{"TestTimeWaitLength"}, shownBy: "TestMistakenTimeWaitFollowsFinTimeout"},
	{
		cases: []string{"TestTimeWaitLength", "TestTimeWaitSide", "TestOwnSettingsTimeWait", "TestReconnectAfterTimeWait"},
		ends:  tcp.Ending{State: tcp.TimeWait},
		does: func(t *testing.T, lab *Lab) *Conn {
			passive, active := lab.Connect(t)
			closeInTurn(t, active, passive)
			return shortFinTimeout(t, active)
		},
	},
	{
		cases: []string{"TestSimultaneousClose", "TestReconnectAfterTimeWait"},
		ends:  tcp.Ending{State: tcp.TimeWait},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, server := lab.Connect(t)
			freeze := lab.Server.Freeze(t)
			require.NoError(t, client.Close())
			require.NoError(t, server.Close())
			freeze.Heal(t)
			client.Expect(t, tcp.TimeWait)
			server.Expect(t, tcp.TimeWait)
			return shortFinTimeout(t, server)
		},
	},
	{
		cases: []string{"TestFinWait1Thawed"},
		ends:  tcp.Ending{State: tcp.TimeWait},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, server := lab.Connect(t)
			freeze := lab.Server.Freeze(t)
			require.NoError(t, client.Close())
			client.Expect(t, tcp.FinWait1)
			freeze.Heal(t)
			server.Expect(t, tcp.CloseWait)
			require.NoError(t, server.Close())
			client.Expect(t, tcp.TimeWait)
			return shortFinTimeout(t, client)
		},
	},
	{
		// The last FIN that came starts the 60 s.
		cases: []string{"TestLastAckLost"},
		ends:  tcp.Ending{State: tcp.TimeWait},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, server := lab.Connect(t)
			require.NoError(t, client.Close())
			server.Expect(t, tcp.CloseWait)
			deaf := lab.Server.Freeze(t, In)
			require.NoError(t, server.Close())
			server.Expect(t, tcp.LastAck)
			deaf.Heal(t)
			server.Expect(t, tcp.Gone)
			return shortFinTimeout(t, client)
		},
	},
	{cases: []string{"TestLastAckThawed"}, shownBy: "TestMistakenEndByPeer"},
	{
		cases: []string{"TestLastAckThawed"},
		ends:  tcp.Ending{State: tcp.TimeWait},
		does: func(t *testing.T, lab *Lab) *Conn {
			client, server := lab.Connect(t)
			require.NoError(t, client.Close())
			server.Expect(t, tcp.CloseWait)
			freeze := lab.Client.Freeze(t)
			require.NoError(t, server.Close())
			server.Expect(t, tcp.LastAck)
			freeze.Heal(t)
			client.Expect(t, tcp.TimeWait)
			return shortFinTimeout(t, client)
		},
	},
}

func TestMistakenValue(t *testing.T) {
	t.Parallel()
	for _, row := range timedMistakes {
		if row.shownBy != "" {
			continue
		}
		t.Run(row.name(), func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

func (row timedMistake) name() string { return strings.Join(row.cases, ",") }

func (row timedMistake) run(t *testing.T) {
	conn := row.does(t, labFor(t, Case{Ends: row.ends, Sysctls: row.sysctls, Needs: row.needs}))
	predict := nearest(t, conn)
	if row.believed != nil {
		predict = under(conn, row.believed)
	}

	says := mistake(t, func(tb testing.TB) { conn.expectReaped(tb, predict) })

	assert.Regexp(t, refused, says)
	if strings.Contains(says, "just as") {
		assert.Contains(t, says, "just as "+theTruth)
	}
}

// theTruth is what a mistaken prediction calls the model's.
const theTruth = "what the model predicts"

// refused is how a mistake is refused: by the end, by the timers or by the
// counters; or, where the machine was too late to tell the two apart, as that.
const refused = "too early, |too late, |not as predicted: |moved by \\d+, not |which cannot be told from " + theTruth

// nearest predicts what the nearest rival does that an observation can tell from
// the model, and that ends.
func nearest(t *testing.T, c *Conn) prediction {
	t.Helper()
	state := c.host.lab.Ends.State
	told, _ := c.predict(state, nil).Distinct()
	i := slices.IndexFunc(told, func(rival tcp.Rival) bool { return !rival.Window.Never() })
	require.GreaterOrEqual(t, i, 0, "%v has no rival that can be told from it", c.ending(state))
	name := told[i].Name
	t.Logf("%v, not %v: %s", told[i].Window, c.predict(state, nil), name)
	return mistaken(c, func(truth tcp.Window, _ func(tcp.Span) time.Duration) tcp.Window {
		i := slices.IndexFunc(truth.Rivals, func(rival tcp.Rival) bool { return rival.Name == name })
		return truth.Rivals[i].Window
	})
}

// under predicts under other settings than the host's.
func under(c *Conn, believed Sysctls) prediction {
	return mistaken(c, func(truth tcp.Window, late func(tcp.Span) time.Duration) tcp.Window {
		kernel := c.host.lab.kernel
		model := tcp.Model{HZ: kernel.hz, Settings: c.host.settings, Release: kernel.version, Late: late}
		for name, value := range believed {
			model.Settings.Set(name, value)
		}
		return model.Window(truth.Ending, c.socket)
	})
}

// mistaken predicts by a belief, to which the model is a rival.
func mistaken(c *Conn, belief func(truth tcp.Window, late func(tcp.Span) time.Duration) tcp.Window) prediction {
	return func(state tcp.State, late func(tcp.Span) time.Duration) tcp.Window {
		truth := c.predict(state, late)
		believed := belief(truth, late)
		believed.Ending, believed.Clock, believed.Errors = truth.Ending, truth.Clock, truth.Errors
		believed.Rivals = []tcp.Rival{{Name: theTruth, Window: truth}}
		return believed
	}
}
