package tcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var everyHZ = []HZ{100, 250, 300, 1000}

func model(hz HZ, sysctls map[string]int) Model {
	m := Model{HZ: hz, Settings: DefaultSettings()}
	for name, value := range sysctls {
		m.Settings.Set(name, value)
	}
	return m
}

func (m Model) idle(state State) Window { return m.Window(Ending{State: state}, m.IdleSocket()) }

func ExampleModel_Window() {
	m := Model{HZ: 250, Settings: DefaultSettings()}
	m.Settings.OrphanRetries = 2
	window := m.Window(Ending{State: FinWait1}, m.IdleSocket())
	fmt.Println(window)
	fmt.Println(window.Calculation)
	fmt.Println(window.Why)
	// Output:
	// 3.264 to 3.368 s
	// 204 ms tail loss probe + 204 ms × (1+2+4+8)
	// tcp_orphan_retries=2 allows 1.4 s after the first retransmission, asked only when the timer fires
}

// What ends each state under the kernel's defaults, at the tick rates 100, 250
// and 1000, as computed by hand to a tenth of a second.
func TestDefaults(t *testing.T) {
	orphan := [3][2]float64{{107.5, 114.8}, {104.4, 109.4}, {102.9, 108.8}}
	owned := [3][2]float64{{935.0, 978.2}, {928.9, 948.2}, {925.8, 960.4}}
	minute := [3][2]float64{{60, 65.1}, {60, 62.05}, {60, 64.1}}
	for _, row := range []struct {
		ending Ending
		want   [3][2]float64
	}{
		{Ending{State: SynSent}, [3][2]float64{{131, 138.6}, {131, 136.1}, {131, 137.1}}},
		{Ending{State: SynRecv}, [3][2]float64{{63, 65.2}, {63, 65.9}, {63, 64.7}}},
		{Ending{State: Established, Hold: DataInFlight}, owned},
		{Ending{State: FinWait1, Owned: true}, owned},
		{Ending{State: FinWait1}, orphan},
		{Ending{State: LastAck}, orphan},
		{Ending{State: Closing}, orphan},
		{Ending{State: FinWait2}, minute},
		{Ending{State: TimeWait}, minute},
		{Ending{State: CloseWait, Options: Options{Keepalive: true}}, [3][2]float64{{7875, 8248.8}, {7875, 8024.5}, {7875, 8174}}},
		{Ending{State: Established, Hold: ZeroWindow}, [3][2]float64{{934.8, 978}, {928.7, 948}, {925.6, 960.2}}},
	} {
		for i, hz := range []HZ{100, 250, 1000} {
			m := model(hz, nil)
			w := m.Window(row.ending, m.IdleSocket())
			assert.InDelta(t, row.want[i][0], w.Min().Seconds(), 0.1, "%v at HZ %d", row.ending, hz)
			assert.InDelta(t, row.want[i][1], w.Max().Seconds(), 0.1, "%v at HZ %d", row.ending, hz)
		}
	}
	assert.Equal(t, "104.448 to 109.416 s", model(250, nil).idle(FinWait1).String())
}

// No timer ends an idle connection, nor one whose peer answers.
func TestNever(t *testing.T) {
	for _, ending := range []Ending{{State: Established}, {State: CloseWait}, {State: FinWait2, Owned: true}} {
		w := model(250, nil).Window(ending, Socket{})
		assert.Equal(t, "never", w.String())
		assert.Equal(t, TimerNone, w.Chain)
		assert.Contains(t, w.Explain(), "only the owner or the peer ends it")
	}
	m := model(250, nil)
	w := m.Window(Ending{State: Established, Hold: ZeroWindowAnswered}, m.IdleSocket())
	assert.True(t, w.Never())
	assert.True(t, w.Answered)
	assert.Equal(t, TimerPersist, w.Chain)
}

// At some tick rates lateness decides which of two timeouts is the last.
func TestAmbiguousRetries(t *testing.T) {
	for _, hz := range everyHZ {
		for n := 1; n <= 8; n++ {
			spans := model(hz, map[string]int{"tcp_orphan_retries": n}).idle(FinWait1).Spans
			want := 1
			switch {
			case hz == 100 && n == 3, hz == 250 && n == 4, hz == 1000 && n >= 4 && n <= 6:
				want = 2
			case hz == 300:
				continue // no figures to compare with
			}
			assert.Len(t, spans, want, fmt.Sprint("HZ ", int(hz), ", tcp_orphan_retries=", n))
		}
	}
}

func TestFinTimeoutAboveSixty(t *testing.T) {
	window := model(250, map[string]int{"tcp_fin_timeout": 65}).idle(FinWait2)
	assert.Equal(t, "10.000 to 10.512 s", window.String())
	assert.Equal(t, []Phase{{Timer: TimerKeepalive, For: 5 * time.Second}, {Timer: TimerTimeWait, For: 5 * time.Second}}, window.Phases)
	assert.Equal(t, "5 s of the keepalive timer + 5 s of the time-wait timer: above 60 s the kernel waits twice for the excess of 5 s, not once for 65 s", window.Calculation)
}

func TestFinTimeoutFloor(t *testing.T) {
	window := model(250, map[string]int{"tcp_fin_timeout": 0}).idle(FinWait2)
	assert.Equal(t, 716*time.Millisecond, window.Min())
	assert.Contains(t, window.Calculation, "the floor below which the setting has no effect")
}

func names(rivals []Rival) (out []string) {
	for _, rival := range rivals {
		out = append(out, rival.Name)
	}
	return out
}

// A window is told from one retry more and one fewer, or says that it is not.
func TestRivals(t *testing.T) {
	told, untold := model(250, map[string]int{"tcp_orphan_retries": 2}).idle(FinWait1).Distinct()
	assert.Subset(t, names(told), []string{
		"no tail loss probe",
		"one retry fewer, tcp_orphan_retries=1",
		"one retry more, tcp_orphan_retries=3",
		"tcp_retries2=15 in place of tcp_orphan_retries",
	})
	assert.Empty(t, untold)

	_, untold = model(250, map[string]int{"tcp_orphan_retries": 3}).idle(FinWait1).Distinct()
	assert.Contains(t, names(untold), "one retry more, tcp_orphan_retries=4")

	told, _ = model(250, map[string]int{"tcp_fin_timeout": 5}).idle(TimeWait).Distinct()
	assert.Equal(t, []string{"tcp_fin_timeout=5 taken for the length of TIME_WAIT"}, names(told))
}

// Late timers move the end back by what each of them is late, and may use up
// the budget one timeout sooner.
func TestLate(t *testing.T) {
	m := model(250, map[string]int{"tcp_orphan_retries": 2})
	ideal := m.idle(FinWait1)
	m.Late = func(Span) time.Duration { return 50 * time.Millisecond }
	late := m.idle(FinWait1)
	assert.Equal(t, ideal.Min(), late.Min())
	assert.Equal(t, ideal.Max()+5*50*time.Millisecond, late.Max(), "the probe and four timeouts")

	m.Settings.OrphanRetries = 3
	assert.Len(t, m.idle(FinWait1).Spans, 2, "150 ms of lateness spend the 3 s a timeout sooner")
}

// Only a timer that is due when the machine is late is affected.
func TestLateOnce(t *testing.T) {
	m := model(250, map[string]int{"tcp_orphan_retries": 2})
	ideal := m.idle(FinWait1)
	m.Late = func(due Span) time.Duration {
		if due.Overlaps(Span{time.Second, 2 * time.Second}) { // the timeout after 1.632 s
			return 50 * time.Millisecond
		}
		return 0
	}
	assert.Equal(t, ideal.Max()+50*time.Millisecond, m.idle(FinWait1).Max())
}

func TestUnknownStatePanics(t *testing.T) {
	assert.PanicsWithValue(t, "no model of LISTEN", func() { model(250, nil).idle(Listen) })
}

func TestPast(t *testing.T) {
	assert.True(t, FinWait2.Past(FinWait1))
	assert.True(t, Gone.Past(TimeWait))
	assert.True(t, LastAck.Past(CloseWait))
	assert.False(t, FinWait1.Past(CloseWait))
	assert.False(t, Established.Past(Gone))
}

func TestNames(t *testing.T) {
	assert.Equal(t, "FIN_WAIT_1", FinWait1.String())
	assert.Equal(t, "CLOSING", Closing.String())
	assert.Equal(t, "state 200", State(200).String())
	assert.Equal(t, "timer 5", Timer(5).String())
	assert.Equal(t, "204 ms", Text(204*time.Millisecond))
	assert.Equal(t, "102.2 s", Text(102200*time.Millisecond))
}
