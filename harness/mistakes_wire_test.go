package harness

import (
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
)

// wireMistakes are about what is sent and when, as the wire shows it: a number
// that is off by one, or times that are shifted.
var wireMistakes = []untimedMistake{
	{
		cases: []string{"TestFinTransmissions"}, mistake: "one FIN fewer", says: "client sent FIN,ACK 4 times in FIN_WAIT_1, not 3",
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			client := held(t, lab, tcp.FinWait1)
			client.ExpectReaped(t)
			return mistake(t, func(tb testing.TB) { client.ExpectTransmissions(tb, FIN|ACK, 3) })
		},
	},
	{
		cases: []string{"TestFinTransmissions"}, mistake: "no tail loss probe", says: "client in FIN_WAIT_1: FIN,ACK was sent for the 2nd time again after 0.4",
		ends: tcp.Ending{State: tcp.FinWait1}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			client := held(t, lab, tcp.FinWait1)
			client.ExpectReaped(t)
			return shifted(t, client, Sysctls{"tcp_early_retrans": 0}, FIN|ACK, 4)
		},
	},
	{
		cases: []string{"TestLastAckTransmissions"}, mistake: "no tail loss probe", says: "server in LAST_ACK: FIN,ACK was sent for the 2nd time again after 0.4",
		ends: tcp.Ending{State: tcp.LastAck}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			server := held(t, lab, tcp.LastAck)
			server.ExpectReaped(t)
			return shifted(t, server, Sysctls{"tcp_early_retrans": 0}, FIN|ACK, 4)
		},
	},
	{
		cases: []string{"TestKeepaliveTransmissions"}, mistake: "one probe more", says: "client sent ACK 1 times in ESTABLISHED, not 2",
		ends: tcp.Ending{State: tcp.Established, Options: probed},
		does: func(t *testing.T, lab *Lab) string {
			client := keepAliveWhilePeerIsFrozen(t, lab)
			client.ExpectReaped(t)
			return mistake(t, func(tb testing.TB) { client.ExpectTransmissions(tb, ACK, 2) })
		},
	},
	{
		cases: []string{"TestKeepaliveTransmissions"}, mistake: "half a second later", says: "client in ESTABLISHED: ACK was sent for the 1st time again after 1.0",
		ends: tcp.Ending{State: tcp.Established, Options: probed},
		does: func(t *testing.T, lab *Lab) string {
			client := keepAliveWhilePeerIsFrozen(t, lab)
			client.ExpectReaped(t)
			return later(t, client, ACK, 1)
		},
	},
	{
		cases: []string{"TestSynTransmissions"}, mistake: "all timeouts linear", needs: needsLinear,
		says: "client in SYN_SENT: SYN was sent for the 2nd time again after 3.",
		ends: tcp.Ending{State: tcp.SynSent}, sysctls: Sysctls{"tcp_syn_retries": 2, "tcp_syn_linear_timeouts": 0},
		does: func(t *testing.T, lab *Lab) string {
			client := dialFrozenServer(t, lab)
			client.ExpectReaped(t)
			return shifted(t, client, Sysctls{"tcp_syn_linear_timeouts": 4}, SYN, 3)
		},
	},
	{
		cases: []string{"TestSynAckTransmissions"}, mistake: "one SYN-ACK fewer", says: "server sent SYN,ACK 2 times in SYN_RECV, not 1",
		ends: tcp.Ending{State: tcp.SynRecv}, sysctls: Sysctls{"tcp_synack_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			request := requestOf(t, lab, lab.Client, In)
			request.ExpectReaped(t)
			return mistake(t, func(tb testing.TB) { request.ExpectTransmissions(tb, SYN|ACK, 1) })
		},
	},
	{
		cases: []string{"TestSynAckTransmissions"}, mistake: "half a second later", says: "server in SYN_RECV: SYN,ACK was sent for the 1st time again after 1.0",
		ends: tcp.Ending{State: tcp.SynRecv}, sysctls: Sysctls{"tcp_synack_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			request := requestOf(t, lab, lab.Client, In)
			request.ExpectReaped(t)
			return later(t, request, SYN|ACK, 2)
		},
	},
	{
		cases: []string{"TestTimeWaitReacknowledges"}, mistake: "one answer more", says: "client answered 4 FINs 4 times, not 5 FINs 5 times",
		ends: tcp.Ending{State: tcp.LastAck}, sysctls: Sysctls{"tcp_orphan_retries": 1},
		does: func(t *testing.T, lab *Lab) string {
			server := closeLastWhileDeaf(t, lab)
			server.ExpectReaped(t)
			return mistake(t, func(tb testing.TB) { server.peer().ExpectReacknowledged(tb, 5) })
		},
	},
}

// shifted expects the segments when they would be sent under other settings.
func shifted(t *testing.T, c *Conn, believed Sysctls, flags Flags, times int) string {
	t.Helper()
	return mistake(t, func(tb testing.TB) { c.expectTransmissions(tb, under(c, believed), flags, times) })
}

// later expects the segments half a second after the model has them sent.
func later(t *testing.T, c *Conn, flags Flags, times int) string {
	t.Helper()
	by := func(d time.Duration) prediction {
		return mistaken(c, func(truth tcp.Window, _ func(tcp.Span) time.Duration) tcp.Window {
			believed := truth
			believed.Firings = slices.Clone(truth.Firings)
			for i := range believed.Firings {
				believed.Firings[i].Min += d
				believed.Firings[i].Max += d
			}
			return believed
		})
	}
	c.expectTransmissions(t, by(0), flags, times)
	return mistake(t, func(tb testing.TB) { c.expectTransmissions(tb, by(time.Second/2), flags, times) })
}

// An answer that came as late as a delayed acknowledgement was not sent at once,
// unless the machine was as late.
func TestMistakenDelayOfAnswers(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	var log overshootLog
	fins := []crossing{{arrived: begin}, {arrived: begin.Add(time.Second)}}
	answered := func(after time.Duration) string {
		return delayed(fins, []crossing{{sent: begin}, {sent: begin.Add(time.Second + after)}}, &log)
	}
	assert.Empty(t, answered(delayedAck-1))
	assert.Equal(t, "the 2nd FIN after 40 ms, not at once", answered(delayedAck))
	assert.NotEmpty(t, answered(-1), "before it")
	log.record(begin.Add(time.Second+delayedAck), time.Millisecond)
	assert.Empty(t, answered(delayedAck))
}
