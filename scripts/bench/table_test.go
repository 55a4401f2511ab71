package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	values, err := parse([]byte("goos: linux\nBenchmarkUp/lab-2 \t 20\t 3000 ns/op\nBenchmarkLabs/50-16 1 7.5 up-ns/lab 2 down-ns/lab\nPASS\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{labUp: 3000, "BenchmarkLabs/50 up-ns/lab": 7.5, "BenchmarkLabs/50 down-ns/lab": 2}, values)

	_, err = parse([]byte("BenchmarkUp/lab-2 20 fast ns/op\n"))
	assert.ErrorContains(t, err, "reading a benchmark")
}

// Values are those of a round divided by those of the same round, in order.
func TestValues(t *testing.T) {
	t.Parallel()
	m := measured{{labUp: 40, floor: 10}, {labUp: 30, floor: 20}}
	values, err := m.values(ratio{value: labUp, by: floor})
	require.NoError(t, err)
	assert.Equal(t, []float64{1.5, 4}, values)

	_, err = m.values(ratio{value: "BenchmarkNone ns/op", by: floor})
	require.ErrorContains(t, err, "BenchmarkNone")
	_, err = m.values(ratio{value: labUp, by: "BenchmarkNone ns/op"})
	require.ErrorContains(t, err, "BenchmarkNone")
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		ratio ratio
		value float64
		says  string
		held  bool
	}{
		{ratio{most: 1.5}, 1.5, "at most 1.5: holds", true},
		{ratio{most: 1.5}, 1.51, "at most 1.5: MISSED", false},
		{ratio{least: 8}, 8, "at least 8: holds", true},
		{ratio{least: 8}, 7.9, "at least 8: MISSED", false},
		{ratio{}, 99, "", true},
	} {
		says, held := row.ratio.judge(row.value)
		assert.Equal(t, row.says, says)
		assert.Equal(t, row.held, held)
	}
}

// A target that is missed is counted and seen.
func TestPrint(t *testing.T) {
	t.Parallel()
	round := map[string]float64{}
	for _, ratio := range ratios {
		round[ratio.value], round[ratio.by] = 1, 1
	}
	round["Benchmark500Verdicts inconclusive"] = 0
	round["BenchmarkWatching60Labs cpu-s/lab-min"] = 0
	var out strings.Builder
	missed, err := measured{round}.print(&out)
	require.NoError(t, err)
	assert.Equal(t, 1, missed, "the shell is as quick as the lab")
	assert.Regexp(t, `the shell, in labs up +1\.00 +1\.00 to 1\.00 +at least 8: MISSED`, out.String())
	assert.Regexp(t, `lab up, in floors +1\.00 +1\.00 to 1\.00 +at most 1\.5: holds`, out.String())
}
