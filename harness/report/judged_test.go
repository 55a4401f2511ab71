package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	one, two := []Interval{from(3.264, 3.368)}, []Interval{from(1, 2), from(4, 5)}
	for _, row := range []struct {
		window []Interval
		lasted Interval
		says   string
	}{
		{nil, from(1, 1), ""},
		{one, from(1.6802, 1.6812), "1.583 s before the window opened"},
		{one, from(3.264, 3.368), "inside the window"},
		{one, from(3.15, 3.2911), "up to 0.114 s before the window opened, or inside it"},
		{one, from(3.36, 3.37), "up to 0.002 s after the window closed, or inside it"},
		{one, from(3, 4), "up to 0.632 s after the window closed, or inside it"},
		{one, from(3.868, 3.9), "0.500 s after the window closed"},
		{two, from(4.5, 4.6), "inside the window"},
		{two, from(2.5, 3), "0.500 s after the window closed, 1.000 s before the window opened again"},
		{two, from(6, 6.1), "1.000 s after the window closed"},
	} {
		assert.Equal(t, row.says, Verdict{Window: row.window, Lasted: row.lasted}.distance())
	}
}

func TestLatenessIsAllowed(t *testing.T) {
	t.Parallel()
	v := Verdict{Passed: true, Window: []Interval{from(1, 2)}, Lasted: from(2.03, 2.04), Allowed: sec(0.05)}
	assert.Equal(t, "0.030 s after the window closed, as this machine's lateness allows", v.distance())
}

func TestLasted(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "3.345 s", Verdict{Lasted: from(3.3439, 3.3455)}.lasted())
	assert.Equal(t, "3.150 to 3.291 s", Verdict{Lasted: from(3.15, 3.2911)}.lasted())
}
