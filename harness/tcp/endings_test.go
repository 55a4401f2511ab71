package tcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func (m Model) of(ending Ending) Window { return m.Window(ending, m.IdleSocket()) }

func ExampleWindow_Explain() {
	m := Model{HZ: 250, Settings: DefaultSettings()}
	m.Settings.SynRetries = 3
	fmt.Println(m.Window(Ending{State: SynSent}, Socket{}).Explain())
	// Output:
	// 5 × 1 s + 1 s × (2+4+8), counted from when the SYN was sent
	// tcp_syn_retries=3 and tcp_syn_linear_timeouts=4 allow 7 retransmissions or 15 s, whichever is first, asked only when the timer fires
	// tcp_connect (net/ipv4/tcp_output.c), tcp_retransmit_timer, tcp_write_timeout (net/ipv4/tcp_timer.c), Linux 5.10 to 7.3
}

func TestSynSent(t *testing.T) {
	for _, row := range []struct {
		sysctls map[string]int
		options Options
		want    string
	}{
		{map[string]int{"tcp_syn_linear_timeouts": 0}, Options{}, "127.000 to 131.928 s"},
		{map[string]int{"tcp_syn_retries": 9}, Options{SynCount: 1}, "3.000 to 3.096 s"},
		{nil, Options{UserTimeout: 500 * time.Millisecond}, "1.004 to 1.040 s"}, // not before the first timeout
		{map[string]int{"tcp_syn_retries": 1, "tcp_syn_linear_timeouts": 0}, Options{UserTimeout: time.Minute}, "3.000 to 3.064 s"},
		{map[string]int{"tcp_syn_retries": 3, "tcp_syn_linear_timeouts": 0, "tcp_rto_max_ms": 1000}, Options{}, "4.000 to 4.128 s"},
	} {
		m := model(250, row.sysctls)
		assert.Equal(t, row.want, m.of(Ending{State: SynSent, Options: row.options}).String(), "%v %+v", row.sysctls, row.options)
		assert.Equal(t, row.want, m.of(Ending{State: SynSent, Hold: NeverSent, Options: row.options}).String())
	}
}

func TestSynAckCap(t *testing.T) {
	m := model(250, map[string]int{"tcp_synack_retries": 3, "tcp_rto_max_ms": 1000})
	assert.Equal(t, "4.000 to 4.128 s", m.idle(SynRecv).String())
	m.Release = Release{6, 18}
	assert.Equal(t, "15.000 to 15.576 s", m.idle(SynRecv).String())
	assert.Contains(t, names(m.idle(SynRecv).Rivals), "timeouts of the SYN-ACK capped by tcp_rto_max_ms, as from Linux 6.19 on")
}

func TestMinisocketCounters(t *testing.T) {
	assert.True(t, Release{5, 10}.CountsMinisocketsAtEnd())
	assert.False(t, Release{6, 1}.CountsMinisocketsAtEnd())
	assert.False(t, Release{}.CountsMinisocketsAtEnd())
	m := model(250, nil)
	for seconds, want := range map[int]string{4: "TWKilled", 5: "TW", 64: "TWKilled", 65: "TW"} {
		m.Settings.Set("tcp_fin_timeout", seconds)
		assert.Equal(t, Counters{want: 1}, m.idle(FinWait2).Outcomes[0].Counters, seconds)
	}
}

// Only ESTABLISHED leaves the first timeouts undoubled.
func TestThinLinearTimeouts(t *testing.T) {
	m := model(250, map[string]int{"tcp_retries2": 4, "tcp_thin_linear_timeouts": 1})
	w := m.of(Ending{State: Established, Hold: DataInFlight})
	assert.Equal(t, "204 ms tail loss probe + 7 × 204 ms + 204 ms × (2+4+8+16)", w.Calculation)
	assert.Equal(t, 11, w.Outcomes[0].Counters["TCPTimeouts"])
	assert.NotEqual(t, w.String(), m.of(Ending{State: CloseWait, Hold: DataInFlight}).String())
}

// The tail loss probe of a lone segment waits for a delayed acknowledgement,
// that of data with a FIN behind it does not.
func TestTailLossProbe(t *testing.T) {
	m := model(250, map[string]int{"tcp_retries2": 1, "tcp_orphan_retries": 1})
	lone, followed := m.of(Ending{State: CloseWait, Hold: DataInFlight}), m.of(Ending{State: FinWait1, Hold: DataInFlight})
	assert.Equal(t, 204*time.Millisecond, lone.Probe)
	assert.Equal(t, 4*time.Millisecond, followed.Probe)
	assert.Equal(t, 200*time.Millisecond, lone.Min()-followed.Min())
	assert.Equal(t, 1, followed.Outcomes[0].Counters["TCPLossProbes"])
}

// The two ends of an ambiguous window have counters of their own.
func TestOutcomes(t *testing.T) {
	w := model(250, map[string]int{"tcp_orphan_retries": 4}).idle(FinWait1)
	assert.Len(t, w.Outcomes, 2)
	assert.Equal(t, 5, w.Outcomes[0].Counters["TCPTimeouts"])
	assert.Equal(t, 6, w.Outcomes[1].Counters["TCPTimeouts"])
	assert.Equal(t, Spans{w.Outcomes[0].Span, w.Outcomes[1].Span}, w.Spans)
}

func TestErrors(t *testing.T) {
	keepalive := Options{Keepalive: true}
	for _, row := range []struct {
		ending Ending
		want   Errors
	}{
		{Ending{State: SynSent}, Errors{Blocked: "ETIMEDOUT", Send: "EPIPE", SendAgain: "EPIPE"}},
		{Ending{State: Established, Hold: DataInFlight}, Errors{"ETIMEDOUT", EOF, "EPIPE", "EPIPE"}},
		{Ending{State: FinWait1, Owned: true}, Errors{"ETIMEDOUT", EOF, "EPIPE", "EPIPE"}},
		{Ending{State: FinWait2, Owned: true, Options: keepalive}, Errors{"ETIMEDOUT", EOF, "EPIPE", "EPIPE"}},
		{Ending{State: CloseWait, Options: keepalive}, Errors{EOF, EOF, "ETIMEDOUT", "EPIPE"}},
		{Ending{State: LastAck, Owned: true}, Errors{EOF, EOF, "ETIMEDOUT", "EPIPE"}},
		{Ending{State: LastAck}, Errors{}},
		{Ending{State: TimeWait}, Errors{}},
		{Ending{State: Established}, Errors{}},
	} {
		assert.Equal(t, row.want, model(250, nil).of(row.ending).Errors, row.ending.String())
	}
}

// Without an owner, a socket whose probes are answered ends when the timeout
// has doubled up to its maximum, which tcp_retries2 can keep it from: then the
// window is that of the rule, and says so.
func TestPersistDeviation(t *testing.T) {
	answered := Ending{State: FinWait1, Hold: ZeroWindowAnswered}
	for _, row := range []struct {
		rtoMax, retries2 int
		stuck            bool
	}{{1000, 2, true}, {1000, 3, false}, {120_000, 9, true}, {120_000, 10, false}, {120_000, 15, false}} {
		sysctls := map[string]int{"tcp_rto_max_ms": row.rtoMax, "tcp_retries2": row.retries2}
		w := model(250, sysctls).of(answered)
		assert.Equal(t, row.stuck, w.Deviation != "", sysctls)
		sysctls["tcp_retries2"] = 15
		assert.Equal(t, model(250, sysctls).of(answered).Spans, w.Spans, sysctls)
		assert.True(t, w.Answered)
	}
	w := model(250, map[string]int{"tcp_rto_max_ms": 1000, "tcp_retries2": 2}).of(answered)
	assert.Contains(t, w.Explain(), "tcp_retries2=2 times")

	answered.Options.UserTimeout = 3 * time.Second
	w = model(250, map[string]int{"tcp_retries2": 2}).of(answered)
	assert.Empty(t, w.Deviation)
	assert.Equal(t, 3204*time.Millisecond, w.Min())
}

// The peer answers one probe in 500 ms, and the second comes before: that is
// one unanswered probe, which a single retry does not survive.
func TestAnsweredOnce(t *testing.T) {
	once := Ending{State: FinWait1, Hold: ZeroWindowAnswered}
	m := model(250, map[string]int{"tcp_orphan_retries": 1})
	assert.Equal(t, "204 ms × (1+2+4)", m.of(once).Calculation)
	slow := Socket{RTO: 300 * time.Millisecond, RTT: 100 * time.Millisecond}
	assert.Greater(t, m.Window(once, slow).Min(), 4*time.Minute, "600 ms later the second probe is answered")
	edge := Socket{RTO: 240 * time.Millisecond, RTT: 40 * time.Millisecond}
	assert.Len(t, m.Window(once, edge).Spans, 2, "lateness decides")

	m.Settings.Retries2 = 1
	owned := m.of(Ending{State: Established, Hold: ZeroWindowAnswered})
	assert.Equal(t, "204 ms + 2 × 408 ms", owned.Calculation)
	assert.Contains(t, owned.Why, "no more than one in 500 ms")
}

// The timeout of an orphan does not double more often than tcp_retries2 either
// when the peer is silent.
func TestPersistDoublings(t *testing.T) {
	w := model(250, map[string]int{"tcp_orphan_retries": 5, "tcp_retries2": 2}).of(Ending{State: FinWait1, Hold: ZeroWindow})
	assert.Equal(t, "204 ms × (1+2) + 4 × 816 ms", w.Calculation)
}

func TestKeepalive(t *testing.T) {
	options := Options{Keepalive: true, KeepaliveIdle: 2 * time.Second, KeepaliveInterval: time.Second, KeepaliveCount: 2}
	w := model(250, nil).of(Ending{State: Established, Options: options})
	assert.Equal(t, "2 s idle + 2 × 1 s for the probes", w.Calculation)
	assert.Equal(t, TimerKeepalive, w.Chain)
	assert.Equal(t, []time.Duration{2 * time.Second, time.Second, time.Second}, w.Intervals)
	told, untold := w.Distinct()
	assert.Empty(t, untold)
	assert.Equal(t, []string{
		"one probe more", "one probe fewer", "tcp_keepalive_probes=9 in place of TCP_KEEPCNT",
		"tcp_keepalive_intvl=75 in place of TCP_KEEPINTVL", "tcp_keepalive_time=7200 in place of TCP_KEEPIDLE",
	}, names(told))
}

func TestAborts(t *testing.T) {
	for _, row := range []struct {
		ending Ending
		want   Counters
	}{
		{Ending{State: CloseWait, Hold: Unread}, Counters{"TCPAbortOnClose": 1, "OutRsts": 1, "EstabResets": 1}},
		{Ending{State: FinWait2, Hold: NoLinger, Owned: true}, Counters{"TCPAbortOnData": 1, "OutRsts": 1}},
		{Ending{State: LastAck, Hold: NoLinger, Owned: true}, Counters{"TCPAbortOnData": 1}},
	} {
		w := model(250, nil).of(row.ending)
		assert.Equal(t, "0.000 to 0.000 s", w.String())
		assert.Equal(t, row.want, w.Outcomes[0].Counters, row.ending.String())
	}
}

// A user timeout allows more firings than any count of retries.
func TestLongUserTimeout(t *testing.T) {
	m := model(250, map[string]int{"tcp_rto_max_ms": 1000, "tcp_keepalive_intvl": 0})
	for _, ending := range []Ending{
		{State: Established, Hold: DataInFlight}, {State: Established, Hold: ZeroWindowAnswered},
		{State: LastAck}, {State: Established, Options: Options{Keepalive: true, KeepaliveIdle: time.Second}},
	} {
		ending.Options.UserTimeout = 10 * time.Minute
		w := m.of(ending)
		assert.GreaterOrEqual(t, w.Min(), 10*time.Minute, ending.String())
		assert.Less(t, w.Max(), 10*time.Minute+3*time.Second, ending.String())
	}
}

// A rival of the same value is none.
func TestRivalsOfTheSameValue(t *testing.T) {
	m := model(250, map[string]int{"tcp_orphan_retries": 3, "tcp_retries2": 3, "tcp_syn_retries": 2, "tcp_synack_retries": 2})
	for _, ending := range []Ending{{State: FinWait1}, {State: FinWait1, Owned: true}, {State: Established, Hold: ZeroWindow}, {State: SynSent}, {State: SynRecv}} {
		for _, name := range names(m.of(ending).Rivals) {
			assert.NotContains(t, name, " in place of tcp_", ending.String())
		}
	}
	linger := Ending{State: FinWait2, Options: Options{Linger2: time.Minute}}
	assert.Empty(t, m.of(linger).Rivals)
	m.Settings.FinTimeout = 3 * time.Second
	assert.Equal(t, []string{"tcp_fin_timeout=3 in place of TCP_LINGER2"}, names(m.of(linger).Rivals))
}
