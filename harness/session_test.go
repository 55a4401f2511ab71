package harness

import (
	"bytes"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVariants(t *testing.T) {
	c := Case{Name: "server frozen", Sysctls: Sysctls{"tcp_retries2": 8}, Ends: tcp.Ending{State: tcp.FinWait1}}
	require.Len(t, c.variants(nil), 1)
	assert.Equal(t, "FIN_WAIT_1, server frozen", c.variants(nil)[0].title())

	c.Variants = Sweep("tcp_orphan_retries", 1, 2)
	variants := c.variants(Sysctls{"tcp_sack": 0})
	require.Len(t, variants, 2)
	assert.Equal(t, "FIN_WAIT_1, server frozen, tcp_orphan_retries=2", variants[1].title())
	assert.Equal(t, Sysctls{"tcp_retries2": 8, "tcp_orphan_retries": 2}, variants[1].Sysctls)
	assert.Equal(t, Sysctls{"tcp_retries2": 8}, c.Sysctls)

	own := Case{OwnSettings: true, Sysctls: Sysctls{"tcp_retries2": 8}}.variants(Sysctls{"tcp_sack": 0, "tcp_retries2": 15})
	assert.Equal(t, Sysctls{"tcp_sack": 0, "tcp_retries2": 8}, own[0].Sysctls)

	kernel := kernel{hz: 250, defaults: tcp.DefaultSettings()}
	assert.Equal(t, "3.264 to 3.368 s", variants[1].window(kernel).String())
	assert.Equal(t, 3368*time.Millisecond, variants[1].watched(kernel, time.Minute))
	assert.Equal(t, 2*time.Second, variants[1].watched(kernel, 2*time.Second))
	assert.Zero(t, variant{}.watched(kernel, time.Minute), "a control")
}

// The summary counts by outcome, and -strict turns a skip into a failure.
func TestSummary(t *testing.T) {
	var out bytes.Buffer
	r := &run{out: &out, outcomes: map[outcome]int{}}
	r.judged("FIN_WAIT_1, IPv4", []verdict{{outcome: reaped, conn: "client"}}, false)
	r.judged("LAST_ACK, IPv4", []verdict{{outcome: reaped}, {outcome: late}}, true)
	r.labs, r.skipped = 2, 1

	assert.Zero(t, r.end(0))
	assert.Contains(t, out.String(), "ok    FIN_WAIT_1, IPv4: client reaped from")
	assert.Contains(t, out.String(), "2 labs, 2 judged: 1 reaped in its window, 0 armed,")
	assert.Contains(t, out.String(), "1 late, 0 off schedule, 0 inconclusive; 1 skipped, 0 failed\n")
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("ok ")), "a failure is told by its test")

	r.options.Strict = true
	assert.Equal(t, 1, r.end(0))
	assert.Equal(t, 2, r.end(2))
}

// A plan is per round of go test -count.
func TestDeclare(t *testing.T) {
	r := &run{}
	r.declare(make([]variant, 2))
	r.declare(make([]variant, 1))
	assert.Len(t, r.declared, 3)
	r.begun = true
	r.declare(make([]variant, 1))
	assert.Len(t, r.declared, 1)
}

func TestMinutes(t *testing.T) {
	assert.Equal(t, "7 s", minutes(6900*time.Millisecond))
	assert.Equal(t, "1 min 49 s", minutes(109*time.Second))
}
