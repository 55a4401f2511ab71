package harness

import (
	"net/netip"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A full socket in FIN_WAIT_2 is excused by an acknowledgement that came in close alone.
func TestLockedFinWait2(t *testing.T) {
	t.Parallel()
	inClose := between{at(40), at(51)}
	for name, row := range map[string]struct {
		timer   tcp.Timer
		closing between
		locked  bool
	}{
		"a full socket":                            {tcp.TimerKeepalive, inClose, true},
		"a minisocket":                             {tcp.TimerTimeWait, inClose, false},
		"acknowledged after close":                 {tcp.TimerKeepalive, between{at(-40), at(-30)}, false},
		"acknowledged before close":                {tcp.TimerKeepalive, between{at(60), at(61)}, false},
		"closed by a program, nobody knows when":   {tcp.TimerKeepalive, between{}, false},
		"acknowledged within a close that lingers": {tcp.TimerKeepalive, between{at(-40), at(1000)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			lab := &Lab{kernel: kernel{hz: 250}}
			client := &Host{lab: lab, settings: tcp.DefaultSettings()}
			conn := client.newConn(netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("192.0.2.2:6000"))
			lab.follow(conn)
			conn.closed, conn.closing, conn.socket.RTO = true, row.closing, 204*time.Millisecond
			conn.watcher = &watcher{tick: tick, stages: sightings(
				sight(0, tcp.FinWait1, tcp.TimerRetransmit, 0, 204),
				sight(50, tcp.FinWait2, row.timer, 0, 60_000),
			)}
			assert.Nil(t, conn.lockedFinWait2(), "it has ended nothing so far")

			conn.watcher.add(sight(60_100, tcp.Gone, tcp.TimerNone, 0, 0))

			assert.Equal(t, row.locked, conn.lockedFinWait2() != nil)
		})
	}
}

// The end of a socket that was locked is brought about here by tcp_fin_timeout: above 60 the
// kernel keeps the full socket, and lowered meanwhile it has nothing left to wait for.
func TestResetByLockedPeer(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait2, Sysctls{"tcp_fin_timeout": 1})
	client, server := lab.Connect(t)
	require.NoError(t, lab.Client.ns.SetSysctl("net.ipv4.tcp_fin_timeout", "61"))
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait2)
	client.closing.to = time.Now() // whether the acknowledgement came before close returned or after
	require.NoError(t, lab.Client.ns.SetSysctl("net.ipv4.tcp_fin_timeout", "60"))
	client.ExpectReaped(t)
	server.Expect(t, tcp.Gone)

	server.ExpectForEver(t)

	v := lab.verdicts[len(lab.verdicts)-1]
	assert.Equal(t, closed, v.outcome)
	assert.Regexp(t, `^server in CLOSE_WAIT with no timer armed, until its peer ended it after 1\.0.* s: a reset, for `, v.String())

	client.closing = between{}
	says := mistake(t, func(tb testing.TB) { server.ExpectForEver(tb) })
	assert.Contains(t, says, "it ended", "close is no excuse where it was not under way")
}
