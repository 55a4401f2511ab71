package harness

import (
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
)

// window is the model's at HZ 250 on an idle wire.
func window(state tcp.State, sysctl string, value int, late time.Duration) tcp.Window {
	model := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings(), Late: func(tcp.Span) time.Duration { return late }}
	model.Settings.Set(sysctl, value)
	return model.Window(tcp.Ending{State: state}, model.IdleSocket())
}

// span is in milliseconds.
func span(low, high int) tcp.Span {
	return tcp.Span{Min: time.Duration(low) * time.Millisecond, Max: time.Duration(high) * time.Millisecond}
}

// orphan is what is seen of FIN_WAIT_1 with tcp_orphan_retries=2, up to its end
// in the given span.
func orphan(lasted tcp.Span) observation {
	o := observation{over: true, lasted: lasted}
	for retrans, began := range []tcp.Span{{}, span(410, 412), span(840, 842), span(1670, 1672)} {
		if began.Min < lasted.Min {
			o.steps = append(o.steps, step{timer: tcp.TimerRetransmit, retrans: retrans, began: began})
		}
	}
	return o
}

func TestJudgeChain(t *testing.T) {
	// Window 3.264 to 3.368 s; rivals end at 1.632 (one retry fewer), 3.060
	// (no tail loss probe) and 6.528 s (one more).
	for name, row := range map[string]struct {
		lasted tcp.Span
		late   time.Duration
		want   outcome
	}{
		"inside":                          {span(3300, 3310), 0, reaped},
		"at the edge":                     {span(3200, 3264), 0, reaped},
		"early":                           {span(3200, 3263), 0, early},
		"late":                            {span(3369, 3400), 0, late},
		"late, but so was the machine":    {span(3369, 3400), 20 * time.Millisecond, reaped},
		"a stall over the rival is blind": {span(1700, 7000), 0, inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			ideal, allowed := window(tcp.FinWait1, "tcp_orphan_retries", 2, 0), window(tcp.FinWait1, "tcp_orphan_retries", 2, row.late)
			v := judge(ideal, allowed, orphan(row.lasted), 0, tick)
			assert.Equal(t, row.want, v.outcome, v.String())
			assert.Equal(t, row.want == reaped, v.passed())
		})
	}
}

// The schedule tells rivals apart that the end alone would not.
func TestJudgeSchedule(t *testing.T) {
	ideal := window(tcp.FinWait1, "tcp_orphan_retries", 2, 0)

	off := orphan(span(3300, 3310))
	off.steps[1].began = span(205, 210) // as without a tail loss probe
	v := judge(ideal, ideal, off, 0, tick)
	assert.Equal(t, offSchedule, v.outcome)
	assert.Contains(t, v.detail, "retransmission 1 after 0.205 to 0.210 s, not 0.408 to 0.416 s")

	cut := orphan(span(2000, 2001))
	cut.over = false
	v = judge(ideal, ideal, cut, 0, tick)
	assert.Equal(t, onSchedule, v.outcome)
	assert.Equal(t, "retry 3 of 3", v.detail)

	misarmed := orphan(span(2000, 2001))
	misarmed.over = false
	misarmed.steps[3].due = []tcp.Span{span(4900, 4904)}
	v = judge(ideal, ideal, misarmed, 0, tick)
	assert.Equal(t, offSchedule, v.outcome)
	assert.Contains(t, v.detail, "timeout 4 due after 4.900 to 4.904 s, not 3.264 to 3.336 s")

	blind := orphan(span(3300, 3345)) // as late as without a probe on a busy machine
	blind.steps[1].began = span(210, 500)
	blind.steps[0].due = []tcp.Span{span(200, 204), span(408, 412)}
	busy := window(tcp.FinWait1, "tcp_orphan_retries", 2, 60*time.Millisecond)
	v = judge(ideal, busy, blind, 0, tick)
	assert.Equal(t, reaped, v.outcome, "the deadline tells what the end does not: %v", v)

	missing := orphan(span(2000, 2001))
	missing.over, missing.steps = false, missing.steps[:3]
	v = judge(ideal, ideal, missing, 0, tick)
	assert.Equal(t, offSchedule, v.outcome)
	assert.Contains(t, v.detail, "no retransmission 3 by 2 s")
}

// The last timeout removes the socket: it retransmits nothing.
func TestJudgeOneTooMany(t *testing.T) {
	ideal := window(tcp.FinWait1, "tcp_orphan_retries", 2, 0)
	o := orphan(span(3340, 3345))
	o.steps = append(o.steps, step{timer: tcp.TimerRetransmit, retrans: 4, began: span(3270, 3275)})
	v := judge(ideal, ideal, o, 0, tick)
	assert.Equal(t, offSchedule, v.outcome)
	assert.Contains(t, v.detail, "retransmission 4, after the last")
}

// What was watched long enough is late when it has not ended, however late the
// machine: armed and on schedule are for what was cut short.
func TestJudgeUnended(t *testing.T) {
	ideal, busy := window(tcp.TimeWait, "", 0, 0), window(tcp.TimeWait, "", 0, time.Second)
	o := observation{lasted: span(62_055, 62_056), steps: []step{{timer: tcp.TimerTimeWait, due: []tcp.Span{span(60_000, 60_004)}}}}
	assert.Equal(t, late, judge(ideal, busy, o, 2*time.Minute, tick).outcome)
	assert.Equal(t, armed, judge(ideal, busy, o, 7*time.Second, tick).outcome)
}

func TestJudgePhases(t *testing.T) {
	ideal := window(tcp.FinWait2, "tcp_fin_timeout", 65, 0)
	full := step{timer: tcp.TimerKeepalive, due: []tcp.Span{span(4990, 5010)}}
	mini := step{timer: tcp.TimerTimeWait, began: span(5100, 5101), due: []tcp.Span{span(10_090, 10_105)}}
	for name, row := range map[string]struct {
		o    observation
		want outcome
	}{
		"both phases":        {observation{over: true, lasted: span(10_200, 10_202), steps: []step{full, mini}}, reaped},
		"cut short":          {observation{lasted: span(7000, 7001), steps: []step{full, mini}}, armed},
		"cut in the first":   {observation{lasted: span(3000, 3001), steps: []step{full}}, armed},
		"armed for 65 s":     {observation{lasted: span(3000, 3001), steps: []step{{timer: tcp.TimerTimeWait, due: []tcp.Span{span(64_990, 65_010)}}}}, offSchedule},
		"armed once more":    {observation{lasted: span(9000, 9001), steps: []step{full, mini, mini}}, offSchedule},
		"in one wait":        {observation{lasted: span(20_000, 20_001), steps: []step{full}}, late},
		"gone after 5 s":     {observation{over: true, lasted: span(5100, 5101), steps: []step{full}}, early},
		"no timer, for ever": {observation{lasted: span(3000, 3001), steps: []step{{timer: tcp.TimerNone}}}, offSchedule},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(ideal, ideal, row.o, 0, tick)
			assert.Equal(t, row.want, v.outcome, v.String())
		})
	}
}

// A look that falls between two timers is no step.
func TestObserveBetweenTimers(t *testing.T) {
	stages := sightings(
		sight(0, tcp.FinWait1, tcp.TimerRetransmit, 0, 204),
		sight(10, tcp.FinWait2, tcp.TimerNone, 0, 0),
		sight(12, tcp.FinWait2, tcp.TimerTimeWait, 0, 1000),
		sight(1020, tcp.Gone, tcp.TimerNone, 0, 0),
	)
	s := spells(stages)[1]
	ideal := window(tcp.FinWait2, "tcp_fin_timeout", 1, 0)
	o := observe(s, s.began, ideal)
	assert.Equal(t, []step{{timer: tcp.TimerTimeWait, due: []tcp.Span{span(993, 1013)}}}, o.steps)
	assert.Equal(t, reaped, judge(ideal, ideal, o, 0, tick).outcome)
}

// The same look finds the timer of keepalive, where that is on.
func TestObserveKeepaliveBetweenTimers(t *testing.T) {
	stages := sightings(
		sight(0, tcp.Established, tcp.TimerRetransmit, 0, 204),
		sight(206, tcp.Established, tcp.TimerRetransmit, 0, 204),
		sight(412, tcp.Established, tcp.TimerKeepalive, 0, 1588),
		sight(413, tcp.Established, tcp.TimerRetransmit, 1, 408),
		sight(825, tcp.Established, tcp.TimerRetransmit, 2, 816),
		sight(1655, tcp.Established, tcp.TimerKeepalive, 0, 345),
		sight(1656, tcp.Gone, tcp.TimerNone, 0, 0),
	)
	model := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
	model.Settings.Set("tcp_retries2", 1)
	ideal := model.Window(tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight}, model.IdleSocket())
	o := observe(spells(stages)[0], between{at(0), at(0)}, ideal)
	assert.Len(t, o.steps, 3)
	assert.Equal(t, reaped, judge(ideal, ideal, o, 0, tick).outcome)

	idle := observe(spells(stages[1:2])[0], between{at(0), at(0)}, ideal)
	assert.Equal(t, tcp.TimerKeepalive, idle.steps[0].timer, "where it is all there is")
}

// A look may find TIME_WAIT with the deadline that FIN_WAIT_2 had.
func TestObserveInheritedDeadline(t *testing.T) {
	stages := sightings(
		sight(0, tcp.FinWait2, tcp.TimerTimeWait, 0, 30_000),
		sight(300, tcp.TimeWait, tcp.TimerTimeWait, 0, 29_700),
		sight(302, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),
		sight(61_000, tcp.Gone, tcp.TimerNone, 0, 0),
	)
	s := spells(stages)[1]
	ideal := window(tcp.TimeWait, "", 0, 0)
	o := observe(s, s.began, ideal)
	assert.Len(t, o.steps[0].due, 1)
	assert.Equal(t, reaped, judge(ideal, ideal, o, 0, tick).outcome)
}

// A FIN that is sent again starts TIME_WAIT anew, whichever slot of the timer wheel its
// end falls into.
func TestJudgeTimeWaitAnew(t *testing.T) {
	ideal := window(tcp.TimeWait, "", 0, 0)
	for name, row := range map[string]struct {
		left int // of the timer when it is looked at after the second FIN
		want outcome
	}{
		"anew": {59_990, reaped},
		"not":  {58_990, offSchedule},
	} {
		stages := sightings(
			sight(0, tcp.FinWait2, tcp.TimerTimeWait, 0, 30_000),
			sight(10, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),
			sight(1020, tcp.TimeWait, tcp.TimerTimeWait, 0, row.left),
			sight(61_500, tcp.Gone, tcp.TimerNone, 0, 0),
		)
		again := between{at(1010), at(1010)}
		v := judge(ideal, ideal, observe(spells(stages)[1], again, ideal), 0, tick)
		assert.Equal(t, row.want, v.outcome, "%s: %v", name, v)
	}
}

// A look that was begun before that FIN, and held up, brings the deadline of before.
func TestJudgeTimeWaitSeenByALongLook(t *testing.T) {
	ideal := window(tcp.TimeWait, "", 0, 0)
	long := sight(1020, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_590)
	long.after = at(1050)
	stages := sightings(
		sight(0, tcp.FinWait2, tcp.TimerTimeWait, 0, 30_000),
		sight(10, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),
		long,
		sight(1060, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_976),
		sight(7000, tcp.TimeWait, tcp.TimerTimeWait, 0, 54_036),
	)
	again := between{at(1034), at(1042)}
	v := judge(ideal, ideal, observe(spells(stages)[1], again, ideal), 7*time.Second, tick)
	assert.Equal(t, armed, v.outcome, v)
}

func TestJudgeForEver(t *testing.T) {
	never := window(tcp.CloseWait, "", 0, 0)
	assert.Equal(t, forEver, judge(never, never, observation{steps: []step{{}}}, 0, tick).outcome)
	assert.Equal(t, offSchedule, judge(never, never, observation{steps: []step{{timer: tcp.TimerKeepalive}}}, 0, tick).outcome)
	assert.Equal(t, offSchedule, judge(never, never, observation{over: true, steps: []step{{}}}, 0, tick).outcome)
}

// A timer that was armed while the kernel's clock was behind may fire early by as
// much as something was seen to be held up then, and by six ticks at the most.
func TestBehind(t *testing.T) {
	var log overshootLog
	log.record(at(1000), 10*time.Millisecond)
	log.record(at(5000), time.Second)
	armed := func(ms int) between { return between{at(ms), at(ms + 1)} }
	assert.Equal(t, 10*time.Millisecond, behind(armed(1050), tick, &log))
	assert.Equal(t, stalledTicks*tick, behind(armed(4500), tick, &log))
	assert.Zero(t, behind(armed(2000), tick, &log))

	o := observation{steps: []step{{}, {began: tcp.Span{Min: time.Second, Max: time.Second}}}}
	o.notice(armed(0), tick, &log)
	assert.Equal(t, []time.Duration{0, 10 * time.Millisecond, 10 * time.Millisecond}, []time.Duration{o.steps[0].behind, o.steps[1].behind, o.behind})
}

// By that much, and no more, an end may lie before its window.
func TestJudgeBehind(t *testing.T) {
	window := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}.Window(tcp.Ending{State: tcp.TimeWait}, tcp.Socket{})
	o := observation{over: true, lasted: span(59_980, 59_981), steps: []step{{timer: tcp.TimerTimeWait}}}
	assert.Equal(t, early, judge(window, window, o, time.Minute, tick).outcome)
	o.behind = 18 * time.Millisecond
	assert.Equal(t, early, judge(window, window, o, time.Minute, tick).outcome)
	o.behind = 19 * time.Millisecond
	assert.Equal(t, reaped, judge(window, window, o, time.Minute, tick).outcome)
}

// A look while the kernel's clock was behind sees a deadline that was never set.
func TestSteady(t *testing.T) {
	var log overshootLog
	log.record(at(1000), 50*time.Millisecond)
	due := func(seen, ms int) arming { return arming{seen: at(seen), due: between{at(ms - 8), at(ms)}} }
	armed, phantom, again := due(0, 60_000), due(1000, 60_020), due(2000, 60_000)
	assert.Equal(t, []arming{armed}, steady([]arming{armed, phantom, again}, tick, &log))
	far := due(1000, 60_060)
	assert.Equal(t, []arming{armed}, steady([]arming{armed, far, again}, tick, &log), "no processor had counted")
	first := due(1000, 60_020)
	assert.Equal(t, []arming{{seen: at(1000), due: armed.due}}, steady([]arming{first, again}, tick, &log))

	again.until = at(9000)
	stays, hidden := due(1000, 60_045), due(1000, 60_045)
	stays.until, hidden.until = at(1008), at(1007)
	assert.Equal(t, []arming{armed}, steady([]arming{armed, hidden}, tick, &log), "nobody knows: the timer fired before another look")
	for name, really := range map[string][]arming{
		"nothing was held up":      {armed, due(5000, 60_020)},
		"it stays so":              {armed, stays},
		"and is put off once more": {armed, hidden, due(2000, 61_000)},
		"by more than that":        {armed, due(1000, 60_200)},
		"much earlier":             {first, due(2000, 59_000)},
	} {
		assert.Equal(t, really, steady(really, tick, &log), name)
	}
}

// Where the hypervisor had taken every processor for 56 ms the look that came first after
// that saw a deadline that was never set, and by the next the timer was due or had fired.
func TestJudgeStaleLookBeforeTheEnd(t *testing.T) {
	var log overshootLog
	log.record(at(60_005), 56*time.Millisecond)
	ideal := window(tcp.TimeWait, "", 0, 0)
	stages := sightings(
		sight(0, tcp.FinWait2, tcp.TimerTimeWait, 0, 30_000),
		sight(10, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000),
		sight(59_940, tcp.TimeWait, tcp.TimerTimeWait, 0, 70),
		sight(60_005, tcp.TimeWait, tcp.TimerTimeWait, 0, 61), // 5, if the jiffies were counted
		sight(60_012, tcp.TimeWait, tcp.TimerTimeWait, 0, 0),
		sight(61_500, tcp.Gone, tcp.TimerNone, 0, 0),
	)
	for i := range stages {
		stages[i].armings = steady(stages[i].armings, tick, &log)
	}
	s := spells(stages)[1]
	v := judge(ideal, ideal, observe(s, s.began, ideal), 2*time.Minute, tick)
	assert.Equal(t, reaped, v.outcome, v)
}

// A deadline that was seen once may only seem to be: it takes another look, and no more
// than one where the timer is due by then.
func TestUnsettled(t *testing.T) {
	seen := func(looks ...sighting) bool {
		stages := sightings(sight(0, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000), looks...)
		return stages[0].unsettled(tick)
	}
	put := sight(1000, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_400)
	assert.True(t, seen())
	assert.False(t, seen(sight(9, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_992)))
	assert.True(t, seen(put))
	assert.True(t, seen(put, sight(1008, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_392)))
	assert.False(t, seen(put, sight(1009, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_392)))
	assert.False(t, seen(put, sight(70_000, tcp.TimeWait, tcp.TimerTimeWait, 0, 0)))
	assert.False(t, sightings(sight(0, tcp.CloseWait, tcp.TimerNone, 0, 0))[0].unsettled(tick), "no timer, no doubt")
}

// Nor is a watch cut short by such a look.
func TestAwaitEndOfAnUnsettledDeadline(t *testing.T) {
	w := &watcher{
		alarm: waiting(t), tick: tick, changed: make(chan struct{}), done: make(chan struct{}),
		stages: sightings(sight(0, tcp.TimeWait, tcp.TimerTimeWait, 0, 60_000), sight(900, tcp.TimeWait, tcp.TimerTimeWait, 0, 59_100)),
	}
	c := &Conn{host: &Host{name: "client"}, watcher: w}
	look := func(ms, left int) {
		w.tell(func() { w.looked = at(ms); w.add(sight(ms, tcp.TimeWait, tcp.TimerTimeWait, 0, left)) })
	}
	look(1000, 59_052) // 52 ms more than are left
	ended, begun := make(chan spell), spells(w.stages)[0]
	go func() { ended <- c.awaitEnd(t, begun, at(950)) }()
	look(1007, 58_993)
	select {
	case <-ended:
		t.Error("nobody knows the deadline so far")
	case <-time.After(20 * time.Millisecond):
	}
	look(1020, 58_980)
	s := <-ended
	assert.Equal(t, at(1020), s.last)
}

// A spell that begins behind a retransmission tells only that it was sent before.
func TestObserveWithinChain(t *testing.T) {
	ideal := window(tcp.FinWait1, "tcp_orphan_retries", 2, 0)
	o := orphan(span(3300, 3310))
	o.steps = o.steps[1:]
	o.steps[0].began = tcp.Span{Max: 700 * time.Millisecond}
	v := judge(ideal, ideal, o, 0, tick)
	assert.Equal(t, reaped, v.outcome, v)
}

// The deadline of a probe is none of a timeout, however long ago the clock may have
// started.
func TestJudgeProbe(t *testing.T) {
	s := step{due: []tcp.Span{span(0, 200), span(8, 125)}}
	_, found := s.nextRetransmission(4*time.Millisecond, tick)
	assert.False(t, found)
	due, found := step{due: []tcp.Span{span(0, 125), span(91, 208)}}.nextRetransmission(4*time.Millisecond, tick)
	assert.True(t, found)
	assert.Equal(t, span(91, 208), due)
	_, found = step{due: []tcp.Span{span(200, 204), span(408, 412)}}.nextRetransmission(204*time.Millisecond, tick)
	assert.True(t, found)
}

// What was sent again first is the probe or not, where the start of the clock leaves
// that open; a timeout too early is neither.
func TestWireMisfitOfProbe(t *testing.T) {
	m := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
	m.Settings.Set("tcp_orphan_retries", 1)
	w := m.Window(tcp.Ending{State: tcp.FinWait1, Hold: tcp.DataInFlight}, m.IdleSocket())
	from := time.Now()
	start := between{from, from.Add(117 * time.Millisecond)}
	again := func(after ...int) (sent transmissions) {
		for _, ms := range after {
			sent.again = append(sent.again, crossing{sent: from.Add(time.Duration(ms) * time.Millisecond)})
		}
		return sent
	}
	for _, row := range []struct {
		sent transmissions
		fits bool
	}{
		{again(127, 335, 767), true}, // the write was held up for 117 ms
		{again(10, 218, 640), true},
		{again(127, 335, 500), false},
		{again(335, 767), true}, // the probe was not due
		{again(335, 767, 900), false},
	} {
		misfit := row.sent.misfit(start, w, observation{}, tick)
		assert.Equal(t, row.fits, misfit == "", misfit)
	}
}

// Where there is no probe, what left before the first timeout is none.
func TestWireMisfitWithoutProbe(t *testing.T) {
	m := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
	m.Settings.Set("tcp_synack_retries", 1)
	w := m.Window(tcp.Ending{State: tcp.SynRecv}, m.IdleSocket())
	from := time.Now()
	for after, fits := range map[time.Duration]bool{500: false, 900: false, 1001: true, 1100: false} {
		sent := transmissions{again: []crossing{{sent: from.Add(after * time.Millisecond)}}}
		misfit := sent.misfit(between{from, from}, w, observation{}, tick)
		assert.Equal(t, fits, misfit == "", "%d ms: %s", after, misfit)
	}
}

// What was sent late is doubtful where a rival has the same segments leave then, and not
// where it has others leave: probes are no retransmissions.
func TestWireFitsARivalBetter(t *testing.T) {
	m := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
	m.Settings.Set("tcp_retries2", 1)
	from := time.Now()
	doubts := func(e tcp.Ending) (all []string) {
		w := m.Window(e, m.IdleSocket())
		for after := range 1000 {
			sent := transmissions{again: []crossing{{sent: from.Add(time.Duration(after) * time.Millisecond)}}}
			if doubt := sent.betterFit(between{from, from}, w, observation{}, tick); doubt != "" && !slices.Contains(all, doubt) {
				all = append(all, doubt)
			}
		}
		return all
	}
	assert.Empty(t, doubts(tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindow}))
	assert.Equal(t, []string{"the machine was so late that the wire shows just as well nothing but the FIN in flight"},
		doubts(tcp.Ending{State: tcp.FinWait1, Hold: tcp.DataInFlight}))
}
