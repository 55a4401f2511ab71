package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A box is where a text is drawn.
type box struct {
	text                     string
	left, right, top, bottom float64
}

func (b box) overlaps(other box) bool {
	return b.left < other.right && other.left < b.right && b.top < other.bottom && other.top < b.bottom
}

// boxes are those of all texts, in the widest of the usual fonts.
func boxes(d *diagram) []box {
	var out []box
	put := func(texts []text, x, align float64) {
		for _, one := range texts {
			line := one.Before + one.State + one.After
			width := widestChar * float64(utf8.RuneCountInString(line))
			left := x - align*width
			out = append(out, box{line, left, left + width, float64(one.Y - 10), float64(one.Y + 3)})
		}
	}
	put(append([]text{{Y: 42, Before: "s"}}, d.Times...), 45, 1)
	put([]text{{Y: 14, Before: d.Client.Name}, {Y: 29, Before: d.Client.Addr}}, 50, 0)
	put([]text{{Y: 14, Before: d.Server.Name}, {Y: 29, Before: d.Server.Addr}}, 358, 1)
	for i, column := range d.Columns {
		put(column.Texts, float64(column.X), float64(i)/2)
	}
	return out
}

func TestTextsAreReadable(t *testing.T) {
	t.Parallel()
	for _, lab := range append(fixture().Labs, oddLabs()...) {
		if lab.Result == Skipped {
			assert.Nil(t, draw(lab))
			continue
		}
		d := draw(lab)
		all := boxes(d)
		for i, one := range all {
			assert.False(t, one.left < -7 || one.right > 360 || one.bottom > float64(d.Height), "%s: %q is outside", lab.Title, one.text)
			for _, other := range all[:i] {
				assert.False(t, one.overlaps(other), "%s: %q is drawn over %q", lab.Title, one.text, other.text)
			}
		}
	}
}

// said are the texts of a host, or of the middle, from top to bottom.
func said(d *diagram, class string) []string {
	var lines []string
	for _, column := range d.Columns {
		for _, one := range column.Texts {
			if column.Class == class {
				lines = append(lines, one.Before+one.State+one.After)
			}
		}
	}
	return lines
}

func TestTheFailedEndIsShownBesideItsWindow(t *testing.T) {
	t.Parallel()
	d := draw(earlyLab())
	require.Len(t, d.Ends, 1)
	end := d.Ends[0]
	require.Len(t, d.Areas, 2)
	frozen, window := d.Areas[0], d.Areas[1]

	assert.Equal(t, "bad", end.Class)
	assert.Less(t, end.Y, window.Y, "the end lies before the window")
	assert.Less(t, window.Y+window.Height, d.Height)
	assert.True(t, window.X < end.X && end.X < window.X+window.Width, "both are at the client")
	assert.Greater(t, frozen.X, d.Right-10, "the server is frozen")
	assert.Less(t, frozen.Y+frozen.Height, window.Y, "the freeze ends with the lab")
	assert.Equal(t, []string{
		"connect()", "ESTABLISHED", "close() → FIN_WAIT_1,", "retransmission timer in 200 ms",
		"tail loss probe, next in 200 ms", "retransmission 1, next in 410 ms", "retransmission 2, next in 810 ms",
		"gone from FIN_WAIT_1", "after 1.681 s, 1.583 s before the", "window opened",
		"window opens, 3.264 s after the FIN", "was sent", "window closes, 3.368 s",
	}, said(d, "left"))
	assert.Equal(t, []string{"ESTABLISHED", "frozen (DROP in and out)", "still ESTABLISHED"}, said(d, "right"))
}

// crosses are how many segments are drawn as dropped or lost.
func crosses(d *diagram) int { return strings.Count(d.Lost, "M") }

// heads are how many segments are drawn as arrived.
func heads(d *diagram) int { return strings.Count(d.Wire, "m") }

func TestSegments(t *testing.T) {
	t.Parallel()
	early := draw(earlyLab())
	assert.Equal(t, 4, crosses(early))
	assert.Equal(t, 3, heads(early))
	assert.Equal(t, []string{
		"SYN", "SYN-ACK", "ACK", "FIN", "· · · 208 ms · · ·", "FIN again", "· · · 208 ms · · ·", "FIN again",
		"· · · 440 ms · · ·", "FIN again", "· · · 823 ms · · ·", "· · · 1.58 s · · ·", "· · · 104 ms · · ·",
	}, said(early, "middle"))

	two := draw(twoLab())
	assert.Equal(t, 1, crosses(two), "one was lost on the way")
	assert.Equal(t, 6, heads(two), "one of them was injected")
	assert.Contains(t, said(two, "middle"), "RST injected")
}

func TestManySegmentsAreFolded(t *testing.T) {
	t.Parallel()
	d := draw(muchDataLab())
	assert.Contains(t, said(d, "middle"), "… 74 segments, 53.6 kB")
	assert.Equal(t, 3+3+3+1, heads(d))
}

// Whatever a lab went through, its picture has an end.
func TestPicturesAreBounded(t *testing.T) {
	t.Parallel()
	d := draw(probesLab())
	assert.Contains(t, said(d, "middle"), "… 173 moments")
	assert.Equal(t, "still ESTABLISHED", said(d, "left")[len(said(d, "left"))-1])
	assert.Less(t, d.Height, 3500)

	short, long := earlyLab(), earlyLab()
	long.Verdicts[0].Window[0] = from(3264, 3368)
	assert.Less(t, draw(long).Height, draw(short).Height+40, "a pause of an hour takes hardly more room than one of a second")
}

// states are those of a host's lane, from top to bottom.
func states(d *diagram, x int) []string {
	var out []string
	for _, bar := range d.Bars {
		if strings.HasPrefix(bar.Path, fmt.Sprintf("M%d ", x)) {
			out = append(out, bar.Class)
		}
	}
	return out
}

func TestStatesAreBars(t *testing.T) {
	t.Parallel()
	d := draw(timeWaitLab())
	assert.Equal(t, []string{"established", "fin_wait_1", "fin_wait_2", "time_wait"}, states(d, clientAxis))
	assert.Equal(t, []string{"established", "close_wait"}, states(d, serverAxis))

	d = draw(neverLab())
	assert.Equal(t, []string{"established", "close_wait", "close_wait unsure"}, states(d, serverAxis), "it goes on")

	d = draw(unclearLab())
	assert.Equal(t, []string{"established", "close_wait", "last_ack", "last_ack unsure"}, states(d, serverAxis), "nobody saw when it ended")
	assert.Contains(t, said(d, "right"), "last seen in LAST_ACK")
}

// A second socket has a lane of its own, and the texts say which one they mean.
func TestSeveralSockets(t *testing.T) {
	t.Parallel()
	d := draw(twoLab())
	assert.Equal(t, []string{"established", "fin_wait_1", "fin_wait_2", "fin_wait_2 unsure"}, states(d, clientAxis))
	assert.Equal(t, []string{"syn_sent", "established", "established unsure"}, states(d, clientAxis+laneWidth))
	assert.Contains(t, said(d, "left"), "ESTABLISHED :40001")
	assert.Contains(t, said(d, "left"), "still FIN_WAIT_2 :40000")
	assert.Contains(t, strings.Join(said(d, "left"), " "), "late, 7218.400 s after the window closed")
}

// The end of one socket is not taken for a state of another, though the text ends with
// its name.
func TestEndsOfSeveralSockets(t *testing.T) {
	t.Parallel()
	lab := connected("IPv4", "TestTwo", "", "two connections")
	second := lab.turn("server", 0.0102, "ESTABLISHED", "", 0, "ESTABLISHED")
	second.Socket = "192.0.2.2:6001"
	lab.Transitions = append(lab.Transitions, second, lab.ended("server", 0.01015, 0.01025, "ESTABLISHED"))
	d := draw(lab)
	assert.Equal(t, []string{"ESTABLISHED :6000", "ESTABLISHED :6001", "gone from ESTABLISHED :6000"}, said(d, "right")[:3])
}
