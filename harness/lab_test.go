package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// CLOSING needs the FINs to cross, and neither to be acknowledged: the server
// hears nothing while its own FIN still passes, then says nothing more.
func TestClosingReaped(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Closing, Sysctls{"tcp_orphan_retries": 1})
	client, server := lab.Connect(t)
	deaf := lab.Server.Freeze(t, In)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)

	require.NoError(t, server.Close())
	client.Expect(t, tcp.Closing)
	mute := lab.Server.Freeze(t, Out)

	client.ExpectReaped(t)
	require.Len(t, lab.verdicts, 1)
	assert.Equal(t, reaped, lab.verdicts[0].outcome)
	for _, fault := range []*Fault{deaf, mute} {
		hits, err := fault.count()
		require.NoError(t, err)
		assert.NotZero(t, hits, fault.what)
	}
}

// A healed host hears again, and counts no longer.
func TestHeal(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, server := lab.Connect(t)
	freeze := lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)

	freeze.Heal(t)
	hits, err := freeze.count()
	require.NoError(t, err)
	freeze.Heal(t)

	client.Expect(t, tcp.FinWait2)
	server.Expect(t, tcp.CloseWait)
	again, err := freeze.count()
	require.NoError(t, err)
	assert.Equal(t, hits, again)
	assert.NotZero(t, hits)
}

// What the kernel reads is what was set, on both hosts; and a sysctl that does
// not exist is an error that names it.
func TestSysctls(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, Sysctls{"tcp_orphan_retries": 2, "tcp_fin_timeout": 20})
	for _, host := range []*Host{lab.Client, lab.Server} {
		assert.Equal(t, 2, host.settings.OrphanRetries)
		assert.Equal(t, 20*time.Second, host.settings.FinTimeout)
		assert.Equal(t, 15, host.settings.Retries2)
	}

	_, err := newLab(Case{Sysctls: Sysctls{"tcp_fin_timout": 20}}, IPv4, 0)
	assert.ErrorContains(t, err, "setting net.ipv4.tcp_fin_timout=20 in net:[")
}

// A half-closed socket gets its timer when its owner lets go.
func TestFinWait2CountsFromTheClose(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait2, Sysctls{"tcp_fin_timeout": 1})
	client, _ := lab.Connect(t)
	require.NoError(t, client.CloseWrite())
	client.Expect(t, tcp.FinWait2)
	require.NoError(t, client.Close())

	client.ExpectReaped(t)
}

// A second connection of a lab has ports of its own.
func TestConnectTwice(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	first, _ := lab.Connect(t)
	second, _ := lab.Connect(t)
	require.NoError(t, first.Close())

	first.Expect(t, tcp.FinWait2)
	second.Expect(t, tcp.Established)
}

// The timeline reads from top to bottom, a column for each host.
func TestTell(t *testing.T) {
	t.Parallel()
	conn := held(t, lab(t, tcp.FinWait1, Sysctls{"tcp_orphan_retries": 1}), tcp.FinWait1)
	conn.ExpectReaped(t)

	story := conn.host.lab.tell()
	for _, line := range []string{
		`^ time     client 192\.0\.2\.1:40000 +server 192\.0\.2\.2:6000\n`,
		`\n +\d\.\d{3}   connect\(\)( → SYN_SENT,)? +.*── SYN ─`,
		`\n +\d\.\d{3} {40,}frozen \(DROP in and out\)\n`,
		`\n +\d\.\d{3}   close\(\) → FIN_WAIT_1, retransmission +─+ FIN ─+✗\n +timer in \d+ ms\n`,
		`\n +\d\.\d{3}   tail loss probe, next in \d+ ms +─+ FIN.*✗\n`,
		`\n +\d\.\d{3}   retransmission 2, next in \d+ ms +─+ FIN.*✗\n`,
		`\n +\d\.\d{3}   gone from FIN_WAIT_1\n`,
		`\n +client reaped from FIN_WAIT_1 after .* s, window 1\.6.* s\n`,
		`\n +\d+ ms tail loss probe \+ \d+ ms × \(1\+2\+4\), counted from when the FIN was sent\n`,
		`\n +tcp_orphan_retries=1 allows 600 ms after the first retransmission`,
		`\n +fault: server frozen .*, \d packets dropped\n`,
		`\n +Linux .*, HZ \d+; client's retransmission timeout before: \d+ ms\n$`,
	} {
		assert.Regexp(t, line, story)
	}
}
