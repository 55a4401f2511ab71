package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGauge(t *testing.T) {
	t.Parallel()
	window := []Interval{from(3, 4)}
	for name, row := range map[string]struct {
		lasted Interval
		over   bool
		is     stretched
	}{
		"early by far":     {from(0.1, 0.2), true, stretched{12, 3}},
		"just early":       {from(2.9, 2.99), true, stretched{37, 3}},
		"at the beginning": {from(3, 3), true, stretched{39, 3}},
		"in the middle":    {from(3.25, 3.75), true, stretched{50, 20}},
		"wide":             {from(2, 3.5), true, stretched{22, 38}},
		"just late":        {from(4.01, 4.1), true, stretched{80, 3}},
		"late by far":      {from(300, 300), true, stretched{114, 3}},
		"not over":         {from(1, 1), false, stretched{4, 14}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gaugeOf(Verdict{Window: window, Lasted: row.lasted, Over: row.over, Passed: true})
			assert.Equal(t, []stretched{{40, 40}}, g.Windows)
			assert.Equal(t, row.is, g.Lasted)
			assert.Equal(t, !row.over, g.Open)
		})
	}
}

func TestGaugeOfOtherWindows(t *testing.T) {
	t.Parallel()
	assert.Nil(t, gaugeOf(Verdict{Over: true}), "nothing was judged by time")

	never := gaugeOf(Verdict{Passed: true, Lasted: from(2, 2)})
	require.NotNil(t, never)
	assert.Empty(t, never.Windows)
	assert.True(t, never.Open)

	two := gaugeOf(Verdict{Window: []Interval{from(1, 2), from(4, 5)}, Lasted: from(3, 3), Over: true})
	assert.Equal(t, []stretched{{40, 10}, {70, 10}}, two.Windows)
	assert.Equal(t, stretched{59, 3}, two.Lasted)
	assert.Equal(t, "bad", two.Class)

	at0 := gaugeOf(Verdict{Window: []Interval{from(1, 1)}, Lasted: from(1, 1), Over: true, Passed: true})
	assert.Len(t, at0.Windows, 1, "a window may have no width")
}
