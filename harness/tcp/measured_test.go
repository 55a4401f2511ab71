package tcp

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sampling is how long sampling and scheduling took at the most when the rows
// were measured (Linux 6.18.44, HZ 250).
const sampling = 60 * time.Millisecond

// Every measured end lies in the window that the model computes from the
// parameters of its row, the window is no wider than the one computed by hand
// for that row, and the counters are those of the end that was measured. A row
// without an end was given up after minutes: the model has none either, or a
// deviation. Of a TIME_WAIT that an ACK had begin anew it is the time from then on.
func TestMeasured(t *testing.T) {
	rows := readMeasured(t, "measured.csv")
	references := 0
	for _, row := range rows {
		t.Run(row["id"], func(t *testing.T) {
			ending, model, socket := row.inputs(t)
			window := model.Window(ending, socket)

			if row["measured_s"] == "" {
				assert.True(t, window.Never() || window.Deviation != "", window.String())
				return
			}
			measured := row.duration(t, "measured_s", time.Second)
			assert.True(t, window.Spans.Overlaps(Span{measured - sampling, measured}), "measured %v, window %v:\n%s", measured, window, window.Explain())
			assert.Empty(t, window.Deviation)
			row.assertNoWider(t, window.Spans)
			row.assertCounters(t, window, measured)
		})
		if row["reference_s"] != "" {
			references++
		}
	}
	assert.Len(t, rows, 182)
	assert.Equal(t, 165, references)
}

// Of the 222 ends that were measured those that are no matter of the model alone
// are shown by a case, or say what nothing shows.
func TestMeasuredOtherwise(t *testing.T) {
	all := map[string]bool{}
	for _, row := range readMeasured(t, "measured.csv") {
		all[row["id"]] = true
	}
	cases := caseTests(t)
	for _, row := range readMeasured(t, "measured_otherwise.csv") {
		assert.False(t, all[row["id"]], "%s is there twice", row["id"])
		all[row["id"]] = true
		assert.NotEmpty(t, row["what"])
		if row["shown_by"] != "" {
			assert.Contains(t, cases, "func "+row["shown_by"]+"(t *testing.T)")
		}
	}
	assert.Len(t, all, 222)
}

// caseTests is the text of all cases.
func caseTests(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("../../cases/*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// otherCounters are the rows whose counters something moved that is not in the
// model, and what it moved.
var otherCounters = map[string]map[string]int{
	// The first SYN waited for neighbour discovery when its timer fired, and
	// was not sent again.
	"ssv6-1": {"RetransSegs": -1, "TCPSynRetrans": -1},
	// The FIN was acknowledged 40 ms late: its tail loss probe, after 12 ms,
	// was sent before FIN_WAIT_2 began.
	"zfw2-0m": {"RetransSegs": 1, "TCPLossProbes": 1},
}

func (row measured) assertCounters(t *testing.T, window Window, measured time.Duration) {
	t.Helper()
	want := map[string]int{}
	for field := range strings.FieldsSeq(row["counters"]) {
		name, value, found := strings.Cut(field, "+")
		require.True(t, found)
		require.Contains(t, Counted, name)
		n, err := strconv.Atoi(value)
		require.NoError(t, err)
		want[name] = n
	}
	for name, n := range otherCounters[row["id"]] {
		if want[name] -= n; want[name] == 0 {
			delete(want, name)
		}
	}
	var possible []map[string]int
	for _, outcome := range window.Outcomes {
		if outcome.Span.Overlaps(Span{measured - sampling, measured}) {
			possible = append(possible, outcome.Counters)
		}
	}
	assert.Contains(t, possible, want)
}

type measured map[string]string

func readMeasured(t *testing.T, name string) []measured {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
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
	model := Model{HZ: 250, Settings: DefaultSettings(), Release: Release{6, 18}}
	socket := Socket{RTO: row.duration(t, "rto_ms", time.Millisecond), RTT: 50 * time.Microsecond}
	if row["rtt_ms"] != "" {
		socket.RTT = row.duration(t, "rtt_ms", time.Millisecond)
	}
	state, hold := slices.Index(stateNames[:], row["state"]), slices.Index(holdNames[:], row["hold"])
	require.False(t, state < 0 || hold < 0)
	ending := Ending{State: State(state), Hold: Hold(hold), Owned: row["owner"] == "yes"}
	for parameter := range strings.FieldsSeq(row["parameters"]) {
		name, value, _ := strings.Cut(parameter, "=")
		set(t, &model.Settings, &ending.Options, name, value)
	}
	return ending, model, socket
}

// set sets a sysctl or an option, numbers separated by slashes for more than
// one.
func set(t *testing.T, settings *Settings, options *Options, name, text string) {
	t.Helper()
	var values []int
	for number := range strings.SplitSeq(text, "/") {
		value, err := strconv.Atoi(number)
		require.NoError(t, err)
		values = append(values, value)
	}
	switch name {
	case "TCP_SYNCNT":
		options.SynCount = values[0]
	case "TCP_USER_TIMEOUT_ms":
		options.UserTimeout = time.Duration(values[0]) * time.Millisecond
	case "TCP_LINGER2_s":
		options.Linger2 = time.Duration(values[0]) * time.Second
	case "keepalive":
		options.Keepalive = true
		options.KeepaliveIdle = time.Duration(values[0]) * time.Second
		options.KeepaliveInterval = time.Duration(values[1]) * time.Second
		options.KeepaliveCount = values[2]
	default:
		require.True(t, settings.Set(name, values[0]), name)
	}
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
