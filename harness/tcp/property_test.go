package tcp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyEnding is every state with every hold, with and without an owner.
func everyEnding() []Ending {
	var endings []Ending
	for _, state := range []State{SynSent, SynRecv, NewSynRecv, Established, CloseWait, FinWait1, Closing, LastAck, FinWait2, TimeWait} {
		for hold := range holdNames {
			for _, owned := range []bool{false, true} {
				endings = append(endings, Ending{State: state, Hold: Hold(hold), Owned: owned})
			}
		}
	}
	return endings
}

// Whatever the inputs, a window is sound.
func TestSound(t *testing.T) {
	random := rand.New(rand.NewPCG(9293, 6298))
	for range 15 {
		for _, ending := range everyEnding() {
			m := Model{HZ: everyHZ[random.IntN(len(everyHZ))], Settings: randomSettings(random)}
			m.Release = []Release{{}, {5, 10}, {6, 18}}[random.IntN(3)]
			if random.IntN(3) == 0 {
				m.Late = func(Span) time.Duration { return 7 * time.Millisecond }
			}
			ending.Options = randomOptions(random)
			socket := m.IdleSocket()
			if random.IntN(2) == 0 {
				socket.RTO = min(m.HZ.Ceil(socket.RTO+time.Duration(random.IntN(400))*time.Millisecond), m.rtoMax())
			}
			w := m.Window(ending, socket)
			if !assertSound(t, w) {
				t.Fatalf("%v %+v\nHZ %d %+v %+v\n%v\n%s", ending, ending.Options, m.HZ, m.Settings, socket, w, w.Explain())
			}
		}
	}
}

func randomSettings(random *rand.Rand) Settings {
	settings := DefaultSettings()
	for _, sysctl := range sysctls {
		least, most := max(sysctl.min, 1), min(sysctl.max, 20)
		if sysctl.min > 20 {
			most = sysctl.max
		}
		switch {
		case random.IntN(2) == 0:
		case sysctl.name == "tcp_rto_min_us":
			settings.Set(sysctl.name, 1000+random.IntN(500_000))
		case random.IntN(8) == 0:
			settings.Set(sysctl.name, sysctl.min)
		case random.IntN(8) == 0:
			settings.Set(sysctl.name, min(sysctl.max, max(sysctl.min, 255)))
		default:
			settings.Set(sysctl.name, least+random.IntN(most-least+1))
		}
	}
	return settings
}

func randomOptions(random *rand.Rand) Options {
	maybe := func(values ...int) int { return values[random.IntN(len(values))] }
	return Options{
		UserTimeout:       time.Duration(maybe(0, 0, 1, 500, 3001, 60_000)) * time.Millisecond,
		Linger2:           time.Duration(maybe(0, 0, -1, 1, 61, 121)) * time.Second,
		SynCount:          maybe(0, 0, 1, 3, 127),
		Keepalive:         random.IntN(2) == 0,
		KeepaliveIdle:     time.Duration(maybe(0, 1, 20)) * time.Second,
		KeepaliveInterval: time.Duration(maybe(0, 1, 2)) * time.Second,
		KeepaliveCount:    maybe(0, 1, 3),
	}
}

func assertSound(t *testing.T, w Window) bool {
	ok := assert.NotEmpty(t, w.Why) && assert.Contains(t, w.Source, "Linux 5.10 to 7.3")
	ok = ok && assert.Equal(t, w.Never(), len(w.Outcomes) == 0)
	ok = ok && assert.Equal(t, w.Never(), w.Calculation == "")
	ok = ok && assert.Equal(t, !w.Never() && w.Ending.owned() && !w.Ending.aborts(), w.Errors != Errors{})
	ok = ok && ascending(t, w.Spans) && ascending(t, w.Firings) && ascending(t, w.Deadlines)
	for i := 1; i < len(w.Spans); i++ {
		ok = ok && assert.False(t, w.Spans[i-1].Overlaps(w.Spans[i]))
	}
	ok = ok && assert.Len(t, w.Intervals, len(w.Firings)) && assert.Len(t, w.Deadlines, len(w.Firings))
	if len(w.Firings) > 0 {
		ok = ok && assert.True(t, w.Spans.Overlaps(w.Firings[len(w.Firings)-1]))
	}
	for _, outcome := range w.Outcomes {
		ok = ok && assert.True(t, outcome.Span.Min <= outcome.Span.Max && w.Spans.Overlaps(outcome.Span))
		for name, n := range outcome.Counters {
			ok = ok && assert.Contains(t, Counted, name) && assert.Positive(t, n)
		}
	}
	return ok && assertRivals(t, w)
}

func assertRivals(t *testing.T, w Window) bool {
	told, untold := w.Distinct()
	ok := assert.Len(t, w.Rivals, len(told)+len(untold))
	for _, rival := range told {
		for _, span := range rival.Window.Spans {
			ok = ok && assert.False(t, w.Spans.Overlaps(span), rival.Name)
		}
	}
	ok = ok && assert.True(t, slices.IsSortedFunc(w.Rivals, func(a, b Rival) int { return int(min(1, w.distance(a)-w.distance(b))) }))
	var names []string
	for _, rival := range w.Rivals {
		names = append(names, rival.Name)
		ok = ok && assert.Empty(t, rival.Window.Rivals) && ascending(t, rival.Window.Spans)
	}
	slices.Sort(names)
	return ok && assert.Len(t, slices.Compact(names), len(w.Rivals), strings.Join(names, "; "))
}

func ascending(t *testing.T, spans []Span) bool {
	t.Helper()
	for i, span := range spans {
		if span.Min > span.Max || i > 0 && spans[i-1].Min > span.Min {
			return assert.Fail(t, "not ascending", "%v", spans)
		}
	}
	return true
}

// More retries never end sooner.
func TestMoreRetries(t *testing.T) {
	for _, row := range []struct {
		sysctl string
		ending Ending
	}{
		{"tcp_orphan_retries", Ending{State: LastAck}},
		{"tcp_orphan_retries", Ending{State: FinWait1, Hold: NeverSent}},
		{"tcp_orphan_retries", Ending{State: FinWait1, Hold: ZeroWindow}},
		{"tcp_retries2", Ending{State: Established, Hold: DataInFlight}},
		{"tcp_retries2", Ending{State: CloseWait, Hold: ZeroWindow}},
		{"tcp_retries2", Ending{State: FinWait1, Owned: true}},
		{"tcp_syn_retries", Ending{State: SynSent}},
		{"tcp_synack_retries", Ending{State: SynRecv}},
		{"tcp_keepalive_probes", Ending{State: FinWait2, Owned: true, Options: Options{Keepalive: true}}},
	} {
		for _, hz := range everyHZ {
			for _, rtoMax := range []int{1000, 3000, 120_000} {
				before := Span{}
				for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 40, 127} {
					m := model(hz, map[string]int{row.sysctl: n, "tcp_rto_max_ms": rtoMax})
					w := m.Window(row.ending, m.IdleSocket())
					assert.True(t, before.Min <= w.Min() && before.Max <= w.Max(), "%v, HZ %d, %s=%d", row.ending, hz, row.sysctl, n)
					before = Span{w.Min(), w.Max()}
				}
			}
		}
	}
}

// A machine on which no timer is late ends in the window.
func TestNominal(t *testing.T) {
	doubled := func(first time.Duration, n int) time.Duration { return first * (1<<n - 1) }
	for _, hz := range []HZ{100, 250, 1000} {
		for n := 1; n <= 6; n++ { // no timeout reaches its maximum
			m := model(hz, map[string]int{
				"tcp_orphan_retries": n, "tcp_retries2": n, "tcp_syn_retries": n, "tcp_syn_linear_timeouts": 0, "tcp_synack_retries": n,
				"tcp_keepalive_time": n, "tcp_keepalive_intvl": 2, "tcp_keepalive_probes": 3, "tcp_fin_timeout": n,
			})
			rto := m.IdleSocket().RTO
			timeouts := 1 // behind the first
			for doubled(2*rto, timeouts) < doubled(200*time.Millisecond, n+1) {
				timeouts++
			}
			keepalive := Options{Keepalive: true}
			for _, row := range []struct {
				ending  Ending
				nominal time.Duration
			}{
				{Ending{State: SynSent}, doubled(time.Second, n+1)},
				{Ending{State: SynRecv}, doubled(time.Second, n+1)},
				{Ending{State: Established, Hold: DataInFlight}, 2*rto + doubled(2*rto, timeouts)},
				{Ending{State: Established, Options: keepalive}, time.Duration(n+6) * time.Second},
				{Ending{State: CloseWait, Hold: ZeroWindow}, doubled(rto, n+1)},
				{Ending{State: FinWait1}, 2*rto + doubled(2*rto, timeouts)},
				{Ending{State: FinWait1, Hold: DataInFlight}, hz.Ceil(2100*time.Microsecond) + rto + doubled(2*rto, timeouts)},
				{Ending{State: Closing, Hold: NeverSent}, doubled(rto, n+1)},
				{Ending{State: FinWait2}, time.Duration(n) * time.Second},
				{Ending{State: TimeWait}, time.Minute},
			} {
				window := m.Window(row.ending, m.IdleSocket())
				require.True(t, window.Spans.Overlaps(Span{row.nominal, row.nominal}), fmt.Sprintf("%v, HZ %d, n=%d: %v not in %v", row.ending, hz, n, row.nominal, window))
			}
		}
	}
}

// Above 60 s, too, FIN_WAIT_2 is sound.
func TestFinTimeouts(t *testing.T) {
	for _, hz := range everyHZ {
		for timeout := range 300 {
			assertSound(t, model(hz, map[string]int{"tcp_fin_timeout": timeout}).idle(FinWait2))
		}
	}
}
