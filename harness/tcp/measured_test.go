package tcp

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every measured end lies in the window that the model computes from the
// parameters of its row, and the window is no wider than the one computed by
// hand for that row. Sampling and scheduling took up to 60 ms when the rows
// were measured (Linux 6.18.44, HZ 250).
func TestMeasured(t *testing.T) {
	const sampling = 60 * time.Millisecond
	rows := readMeasured(t)
	for _, row := range rows {
		t.Run(row["id"], func(t *testing.T) {
			ending, model, socket := row.inputs(t)
			window := model.Window(ending, socket)

			measured := row.duration(t, "measured_s", time.Second)
			assert.True(t, window.Spans.Overlaps(Span{measured - sampling, measured}), "measured %v, window %v: %s, %s", measured, window, window.Calculation, window.Why)
			row.assertNoWider(t, window.Spans)
		})
	}
	assert.Len(t, rows, 110)
}

type measured map[string]string

func readMeasured(t *testing.T) []measured {
	t.Helper()
	file, err := os.Open("testdata/measured.csv")
	require.NoError(t, err)
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	var rows []measured
	for _, record := range records[1:] {
		row := measured{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func (row measured) inputs(t *testing.T) (Ending, Model, Socket) {
	t.Helper()
	model := Model{HZ: 250, Settings: DefaultSettings()}
	for _, sysctl := range sysctls {
		if text := row[sysctl.name]; text != "" {
			value, err := strconv.Atoi(text)
			require.NoError(t, err)
			require.True(t, model.Settings.Set(sysctl.name, value))
		}
	}
	socket := Socket{
		RTO:         row.duration(t, "rto_ms", time.Millisecond),
		RTT:         50 * time.Microsecond,
		UserTimeout: row.duration(t, "TCP_USER_TIMEOUT_ms", time.Millisecond),
		Linger2:     row.duration(t, "TCP_LINGER2_s", time.Second),
	}
	if row["rtt_ms"] != "" {
		socket.RTT = row.duration(t, "rtt_ms", time.Millisecond)
	}
	state, detail, _ := strings.Cut(row["ending"], " ")
	ending := Ending{DataInFlight: detail == "data in flight", NeverSent: detail == "never sent"}
	for candidate := range stateNames {
		if stateNames[candidate] == state {
			ending.State = State(candidate)
		}
	}
	return ending, model, socket
}

// assertNoWider compares with the hand-computed reference, which is rounded to
// a millisecond.
func (row measured) assertNoWider(t *testing.T, spans Spans) {
	t.Helper()
	if row["reference_s"] == "" {
		return
	}
	references := strings.Split(row["reference_s"], " or ")
	require.Len(t, references, len(spans))
	for i, reference := range references {
		low, high, found := strings.Cut(reference, "-")
		require.True(t, found)
		// The reference of a user timeout leaves out the rounding to a jiffy.
		const rounding = 5 * time.Millisecond
		assert.GreaterOrEqual(t, spans[i].Min, seconds(t, low)-rounding)
		assert.LessOrEqual(t, spans[i].Max, seconds(t, high)+rounding)
	}
}

func (row measured) duration(t *testing.T, column string, unit time.Duration) time.Duration {
	t.Helper()
	if row[column] == "" {
		return 0
	}
	value, err := strconv.ParseFloat(row[column], 64)
	require.NoError(t, err)
	return time.Duration(value * float64(unit))
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text + "s")
	require.NoError(t, err)
	return d
}
