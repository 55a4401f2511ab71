package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// ends is a verdict of a timer.
func endsIn(window Interval, lasted Interval, rto float64) Verdict {
	return Verdict{Host: "client", Ending: "FIN_WAIT_1", Outcome: reaped, Passed: true, Over: true, Window: []Interval{window}, Lasted: lasted, RTO: sec(rto)}
}

// cut is one whose watch was over before the state was.
func cut(outcome string, window Interval, watched float64) Verdict {
	return Verdict{Host: "client", Ending: "FIN_WAIT_1", Outcome: outcome, Passed: true, Window: []Interval{window}, Lasted: from(watched, watched)}
}

func forEver(watched float64) Verdict {
	return Verdict{Host: "client", Ending: "FIN_WAIT_1", Outcome: "for ever as it should", Passed: true, Lasted: from(watched, watched)}
}

func allowing(late float64, v Verdict) Verdict {
	v.Allowed = sec(late)
	return v
}

func TestMoved(t *testing.T) {
	t.Parallel()
	usual := endsIn(from(3.264, 3.368), from(3.344, 3.345), 0.204)
	byPeer := func(at float64) Verdict {
		v := endsIn(from(3.264, 3.368), from(at, at), 0.204)
		v.Outcome = "ended by its peer"
		return v
	}
	notHeld := Verdict{Host: "client", Ending: "FIN_WAIT_1", Outcome: "not held, as it should", Passed: true}
	for name, test := range map[string]struct {
		before, now Verdict
		otherHZ     bool
		want        bool
	}{
		"itself":                                  {before: usual, now: usual},
		"a retransmission timeout a tick longer":  {before: usual, now: endsIn(from(3.328, 3.432), from(3.43, 3.431), 0.208)},
		"one that parts the windows, of one path": {before: endsIn(from(0.612, 0.62), from(0.613, 0.614), 0.204), now: endsIn(from(0.636, 0.644), from(0.637, 0.638), 0.212)},
		"one that is another":                     {before: usual, now: endsIn(from(4.8, 4.9), from(4.85, 4.86), 0.3), want: true},
		"half of it":                              {before: usual, now: endsIn(from(1.664, 1.72), from(1.68, 1.69), 0.104), want: true},
		"an end beside the window of the first":   {before: endsIn(from(60, 62.048), from(61.3, 61.31), 0), now: endsIn(from(61, 63.1), from(62.5, 62.51), 0), want: true},
		"an end before it":                        {before: endsIn(from(60, 62.048), from(61.3, 61.31), 0), now: endsIn(from(59, 61), from(59.2, 59.3), 0), want: true},
		"the same with another HZ":                {before: endsIn(from(60, 62.048), from(61.3, 61.31), 0), now: endsIn(from(60, 66), from(63, 63.1), 0), otherHZ: true},
		"another window with another HZ":          {before: endsIn(from(60, 62.048), from(61.3, 61.31), 0), now: endsIn(from(70, 76), from(73, 73.1), 0), otherHZ: true, want: true},
		"an end that touches the window":          {before: usual, now: endsIn(from(3.368, 3.5), from(3.368, 3.4), 0.204)},
		"windows apart":                           {before: endsIn(from(60, 62.048), from(61.3, 61.31), 0.204), now: endsIn(from(10, 10.512), from(10.1, 10.2), 0.204), want: true},
		"a late machine":                          {before: usual, now: allowing(0.1, endsIn(from(3.264, 3.368), from(3.4, 3.41), 0.204))},
		"a late machine at first":                 {before: allowing(0.1, endsIn(from(3.264, 3.368), from(3.4, 3.41), 0.204)), now: usual},
		"lateness that each timer had":            {before: usual, now: allowing(0.05, endsIn(from(3.264, 3.368), from(3.5, 3.51), 0.204))},
		"cut short at another time":               {before: cut(armed, from(280, 312), 7), now: cut(armed, from(280, 312), 120)},
		"watched to its end":                      {before: cut(onSchedule, from(104, 109), 7), now: endsIn(from(104, 109), from(106, 106.1), 0.204)},
		"cut short where it ended":                {before: endsIn(from(104, 109), from(106, 106.1), 0.204), now: cut(onSchedule, from(104, 109), 7)},
		"cut short, armed for another time":       {before: cut(armed, from(60, 62), 7), now: cut(armed, from(10, 10.5), 7), want: true},
		"cut short behind the window":             {before: endsIn(from(60, 62), from(61, 61.1), 0), now: cut(armed, from(60, 66), 64), want: true},
		"for ever, watched longer":                {before: forEver(7), now: forEver(120)},
		"for ever, and reset by a locked peer":    {before: forEver(7), now: Verdict{Outcome: endedByPeer, Passed: true, Over: true, Lasted: from(3.1, 3.2)}},
		"for ever where it ended":                 {before: usual, now: forEver(120), want: true},
		"an end where it was for ever":            {before: forEver(120), now: usual, want: true},
		"armed where it was for ever":             {before: forEver(7), now: cut(armed, from(60, 62), 7), want: true},
		"not held, again":                         {before: notHeld, now: notHeld},
		"held where it was not":                   {before: notHeld, now: forEver(7), want: true},
		"ended by its peer, at another time":      {before: byPeer(0.04), now: byPeer(0.4)},
		"ended by its peer, no longer its timer":  {before: usual, now: byPeer(0.04), want: true},
		"a known deviation":                       {before: usual, now: Verdict{Outcome: "deviating as known", Passed: true, Window: usual.Window, Lasted: from(9, 9)}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, test.before.moved(test.now, !test.otherHZ))
			test.before.State, test.now.State = "FIN_WAIT_1", "FIN_WAIT_1"
			test.now.Host, test.now.Ending = test.before.Host, test.before.Ending
			moved := movedEnds(Lab{Verdicts: []Verdict{test.before}}, Lab{Verdicts: []Verdict{test.now}}, !test.otherHZ)
			assert.Equal(t, test.want, len(moved) == 1)
		})
	}
}

func TestVerdictsAreComparedByHostAndEnding(t *testing.T) {
	t.Parallel()
	client, server := endsIn(from(3, 4), from(3, 3), 0), endsIn(from(60, 62), from(61, 61), 0)
	server.Host = "server"
	both := Lab{Verdicts: []Verdict{client, server}}
	assert.Empty(t, movedEnds(both, Lab{Verdicts: []Verdict{server, client}}, true), "the order in which they are reached is chance")
	assert.Empty(t, movedEnds(Lab{Verdicts: []Verdict{client}}, both, true), "one more is no move")
	if lost := movedEnds(both, Lab{Verdicts: []Verdict{server}}, true); assert.Len(t, lost, 1) {
		assert.Nil(t, lost[0].now)
		assert.Equal(t, "client", lost[0].before.Host)
	}
	twice := Lab{Verdicts: []Verdict{client, client}}
	assert.Empty(t, movedEnds(twice, twice, true))
	assert.Len(t, movedEnds(twice, Lab{Verdicts: []Verdict{client}}, true), 1)
}
