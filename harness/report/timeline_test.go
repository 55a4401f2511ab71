package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

// golden compares the text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	for name, lab := range map[string]Lab{
		"frozen":   reapedLab(),
		"ipv6":     earlyLab(),
		"control":  controlLab(),
		"last_ack": unclearLab(),
		"reset":    resetLab(),
		"lost":     lostLab(),
		"filled":   filledLab(),
		"two":      twoLab(),
		"skipped":  skippedLab(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "timeline_"+name+".txt", Timeline(lab))
		})
	}
}

// resetLab is a connection that the server aborts, and a forged segment.
func resetLab() Lab {
	lab := connected("IPv4", "TestReset", "", "reset: server aborts")
	request := lab.segment("client", 0.0102, "PSH,ACK", false)
	request.Len = 11
	forged := lab.segment("client", 0.0301, "RST", false)
	forged.Sent = nil
	answer := lab.segment("server", 0.0302, "FIN,PSH,ACK", false)
	answer.Len = 1448
	lab.Segments = append(lab.Segments, request, lab.segment("server", 0.0204, "RST,ACK", false), forged, answer)
	lab.Notes = append(lab.Notes,
		call(0.0101, "client", "write(11)"), call(0.0203, "server", "setsockopt(SO_LINGER, 0), close()"),
		Note{At: sec(0.03005), Host: "server", Text: "injected: RST seq 1, 0 bytes"},
	)
	lab.Transitions = append(lab.Transitions, lab.ended("server", 0.02035, 0.0205, "ESTABLISHED"), lab.ended("client", 0.0204, 0.0206, "ESTABLISHED"))
	return lab
}

// lostLab is a wire that is cut: nothing arrives.
func lostLab() Lab {
	lab := connected("IPv4", "TestLinkDown", "", "link down")
	for i, at := range []float64{0.02, 0.23, 0.44} {
		lost := lab.segment("client", at, "PSH,ACK", i > 0)
		lost.Len, lost.Arrived = 65483, nil
		lab.Segments = append(lab.Segments, lost)
	}
	end := sec(0.6)
	lab.Faults = []Fault{{Host: "server", Text: "link down", Begin: sec(0.015), End: &end, Hits: 3}}
	return lab
}

// filledLab fills a receive window, which nobody reads.
func filledLab() Lab {
	lab := connected("IPv4", "TestZeroWindow", "", "server reads nothing")
	lab.Notes = append(lab.Notes, call(0.0101, "client", "write(4194304)"))
	for i := range 200 {
		data := lab.segment("client", 0.0102+float64(i)*0.0002, "ACK", false)
		data.Len, data.Repeats = 14480, i%50 == 49
		ack := lab.segment("server", 0.0103+float64(i)*0.0002, "ACK", false)
		lab.Segments = append(lab.Segments, data, ack)
	}
	fin := lab.segment("client", 0.0602, "FIN,ACK", false)
	lab.Segments = append(lab.Segments, fin)
	lab.Unkept = 1
	return lab
}

func TestATimelineIsNotWide(t *testing.T) {
	t.Parallel()
	lab := reapedLab()
	lab.Notes = append(lab.Notes, Note{At: sec(2), Host: "server", Text: strings.Repeat("sysctl", 50)})
	text := Timeline(lab)
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 120)
	}
	assert.Equal(t, 50*len("sysctl"), strings.Count(strings.Join(strings.Fields(text), ""), "sysctl")*len("sysctl"), "nothing is cut")
}

func TestRunsOfSegmentsAreFolded(t *testing.T) {
	t.Parallel()
	count := func(n int, change func(i int, s *Segment)) int {
		lab := Lab{Family: "IPv4"}
		for i := range n {
			s := lab.segment("client", float64(i), "ACK", false)
			if change != nil {
				change(i, &s)
			}
			lab.Segments = append(lab.Segments, s)
		}
		return strings.Count(Timeline(lab), "\n") - 1
	}
	assert.Equal(t, 7, count(7, nil), "folding one saves nothing")
	assert.Equal(t, 7, count(8, nil))
	assert.Equal(t, 7, count(5000, nil))
	assert.Equal(t, 100, count(100, func(_ int, s *Segment) { s.Flags = "FIN,ACK" }), "a FIN is always shown")
	assert.Equal(t, 7+1+7, count(101, func(i int, s *Segment) {
		if i == 50 {
			s.Flags = "RST,ACK"
		}
	}))
}

func TestAFoldTellsWhatIsInIt(t *testing.T) {
	t.Parallel()
	for want, each := range map[string]Segment{
		"… 4 segments, 0 B, 3.000 s":                        {Flags: "ACK"},
		"… 4 segments, 44 B, 3.000 s":                       {Flags: "ACK", Len: 11},
		"… 4 segments, 5.8 kB, 3.000 s, 4 again":            {Flags: "ACK", Len: 1448, Repeats: true},
		"… 4 segments, 4.0 MB, 3.000 s, 4 again, 4 dropped": {Flags: "ACK", Len: 1e6, Repeats: true, Dropped: "frozen"},
	} {
		lab := Lab{Family: "IPv4"}
		for i := range 10 {
			s := lab.segment("client", float64(i), each.Flags, each.Repeats)
			s.Len, s.Dropped = each.Len, each.Dropped
			lab.Segments = append(lab.Segments, s)
		}
		assert.Contains(t, Timeline(lab), " "+want+"\n")
	}
}

func TestArrow(t *testing.T) {
	t.Parallel()
	at := sec(1)
	for _, test := range []struct {
		segment Segment
		want    string
	}{
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "SYN"}, "── SYN ────────────────▶"},
		{Segment{From: "server", Sent: &at, Arrived: &at, Flags: "SYN,ACK"}, "◀──────────── SYN-ACK ──"},
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "SYN,ACK,ECE"}, "── SYN-ACK ECE ────────▶"},
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "ACK"}, "── ACK ────────────────▶"},
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "no flags"}, "── no flags ───────────▶"},
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "PSH,ACK", Len: 11}, "── DATA 11 B ──────────▶"},
		{Segment{From: "server", Sent: &at, Arrived: &at, Flags: "FIN,PSH,ACK", Len: 65483, Repeats: true}, "◀── FIN 65483 B again ──"},
		{Segment{From: "client", Sent: &at, Arrived: &at, Flags: "FIN,ACK", Dropped: "frozen"}, "── FIN ────────────────✗"},
		{Segment{From: "server", Sent: &at, Arrived: &at, Flags: "FIN,ACK", Dropped: "frozen"}, "✗──────────────── FIN ──"},
		{Segment{From: "client", Sent: &at, Flags: "FIN,ACK"}, "── FIN ────────────────?"},
		{Segment{From: "server", Sent: &at, Flags: "RST"}, "?──────────────── RST ──"},
		{Segment{From: "client", Arrived: &at, Flags: "RST"}, "RST injected ──────────▶"},
		{Segment{From: "server", Arrived: &at, Flags: "RST"}, "◀────────── RST injected"},
	} {
		assert.Equal(t, test.want, test.segment.arrow())
		assert.Equal(t, arrowWidth, utf8.RuneCountInString(test.segment.arrow()))
	}
}
