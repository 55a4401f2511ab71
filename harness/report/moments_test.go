package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A toldMoment is a moment that can be compared.
type toldMoment struct {
	at             float64
	client, server string
	flags          string
}

func toldMoments(lab Lab) []toldMoment {
	var out []toldMoment
	for _, m := range moments(lab) {
		one := toldMoment{at: m.at.Duration().Seconds(), client: m.texts["client"], server: m.texts["server"]}
		if m.segment != nil {
			one.flags = m.segment.Flags
		}
		out = append(out, one)
	}
	return out
}

func TestACallStandsBesideWhatItSentAndLedTo(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{lab.segment("client", 0.0041, "ACK", false), lab.segment("client", 0.0046, "FIN,ACK", false)}
	lab.Notes = []Note{call(0.0045, "client", "close()")}
	lab.Transitions = []Transition{lab.turn("client", 0.0047, "FIN_WAIT_1", "", 0, "FIN_WAIT_1")}
	assert.Equal(t, []toldMoment{
		{at: 0.0041, flags: "ACK"},
		{at: 0.0046, flags: "FIN,ACK", client: "close() → FIN_WAIT_1"},
	}, toldMoments(lab))
}

func TestATransitionFollowsTheLastCallBeforeIt(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4", Notes: []Note{call(0.01, "client", "write(11)"), call(0.011, "client", "close()"), call(0.013, "client", "read()")}}
	lab.Transitions = []Transition{lab.turn("client", 0.012, "FIN_WAIT_1", "", 0, "FIN_WAIT_1")}
	assert.Equal(t, []toldMoment{
		{at: 0.01, client: "write(11)"},
		{at: 0.011, client: "close() → FIN_WAIT_1"},
		{at: 0.013, client: "read()"},
	}, toldMoments(lab))
}

func TestAResetTakesASocketAwayNoCallDoes(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{lab.segment("client", 0.01, "PSH,ACK", false), lab.segment("server", 0.012, "RST,ACK", false)}
	lab.Notes = []Note{call(0.0099, "client", "write(11)"), call(0.0119, "server", "close()")}
	lab.Transitions = []Transition{lab.ended("server", 0.0119, 0.0121, "ESTABLISHED"), lab.ended("client", 0.0115, 0.013, "ESTABLISHED")}
	assert.Equal(t, []toldMoment{
		{at: 0.01, flags: "PSH,ACK", client: "write(11)"},
		{at: 0.012, flags: "RST,ACK", client: "gone from ESTABLISHED", server: "close() → gone from ESTABLISHED"},
	}, toldMoments(lab))
}

func TestACallThatSentNothingHasALineOfItsOwn(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{lab.segment("client", 0.0041, "ACK", false), lab.segment("server", 0.005, "ACK", false), lab.segment("client", 0.5, "ACK", false)}
	lab.Notes = []Note{call(0.0045, "client", "close()")}
	assert.Equal(t, []toldMoment{
		{at: 0.0041, flags: "ACK"},
		{at: 0.0045, client: "close()"},
		{at: 0.005, flags: "ACK"},
		{at: 0.5, flags: "ACK"},
	}, toldMoments(lab))
}

func TestATransitionStandsBesideTheSegmentThatBroughtItAbout(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{
		lab.segment("client", 0.0102, "FIN,ACK", false),
		lab.segment("server", 0.0300, "ACK", false),
		lab.segment("server", 0.0506, "FIN,ACK", false),
	}
	lab.Transitions = []Transition{
		lab.turn("server", 0.0103, "CLOSE_WAIT", "", 0, "CLOSE_WAIT"),
		lab.turn("client", 0.0304, "FIN_WAIT_2", "", 0, "FIN_WAIT_2"),
		lab.turn("client", 0.0507, "TIME_WAIT", "", 0, "TIME_WAIT"),
	}
	assert.Equal(t, []toldMoment{
		{at: 0.0102, flags: "FIN,ACK", server: "CLOSE_WAIT"},
		{at: 0.03, flags: "ACK", client: "FIN_WAIT_2"},
		{at: 0.0506, flags: "FIN,ACK", client: "TIME_WAIT"},
	}, toldMoments(lab))
}

func TestASocketGoesWithTheLastSegmentThatReachedIt(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{lab.segment("server", 0.0102, "FIN,ACK", false), lab.segment("client", 0.0103, "ACK", false)}
	lab.Transitions = []Transition{lab.ended("server", 0.0101, 0.0106, "LAST_ACK")}
	assert.Equal(t, []toldMoment{
		{at: 0.0102, flags: "FIN,ACK"},
		{at: 0.0103, flags: "ACK", server: "gone from LAST_ACK"},
	}, toldMoments(lab))
}

func TestWhatWasDroppedBringsNothingAbout(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	answer := lab.segment("client", 0.0103, "ACK", false)
	answer.Dropped = "frozen (DROP in)"
	lab.Segments = []Segment{lab.segment("server", 0.0102, "FIN,ACK", true), answer}
	probe := lab.turn("server", 0.0106, "LAST_ACK", "retransmission timer", 0.2, "tail loss probe")
	probe.After = sec(0.0101)
	lab.Transitions = []Transition{probe}
	assert.Equal(t, []toldMoment{
		{at: 0.0102, flags: "FIN,ACK", server: "tail loss probe"},
		{at: 0.0103, flags: "ACK"},
	}, toldMoments(lab))
}

func TestATransitionStandsBesideNoSegmentOfAnotherSocket(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	other := lab.segment("client", 0.0102, "ACK", false)
	other.Src = "192.0.2.1:40001"
	lab.Segments = []Segment{other}
	lab.Transitions = []Transition{lab.turn("client", 0.0103, "ESTABLISHED", "", 0, "ESTABLISHED")}
	assert.Equal(t, []toldMoment{
		{at: 0.0102, flags: "ACK"},
		{at: 0.0102, client: "ESTABLISHED"},
	}, toldMoments(lab))
}

func TestASegmentInsideTheTransitionIsPreferredToOneBeforeIt(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	lab.Segments = []Segment{lab.segment("client", 0.1995, "ACK", false), lab.segment("client", 0.433, "FIN,ACK", true)}
	retry := lab.retried(0.5, 1, "retransmission 1", 0.9)
	retry.After = sec(0.2)
	lab.Transitions = []Transition{retry}
	assert.Equal(t, []toldMoment{
		{at: 0.1995, flags: "ACK"},
		{at: 0.433, flags: "FIN,ACK", client: "retransmission 1"},
	}, toldMoments(lab))
}

func TestATransitionKnownLateIsToldWhenItWasKnown(t *testing.T) {
	t.Parallel()
	lab := Lab{Family: "IPv4"}
	soon, late := lab.ended("client", 3.344, 3.345, "FIN_WAIT_1"), lab.ended("server", 3.344, 3.4, "FIN_WAIT_1")
	lab.Transitions = []Transition{soon, late}
	assert.Equal(t, []toldMoment{
		{at: 3.344, client: "gone from FIN_WAIT_1"},
		{at: 3.4, server: "gone from FIN_WAIT_1"},
	}, toldMoments(lab))
}

func TestAFaultIsToldFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	end := sec(0.5)
	lab := Lab{Family: "IPv4", Faults: []Fault{
		{Host: "server", Text: "frozen (DROP in and out)", Begin: sec(0.01), End: &end, Hits: 4},
		{Host: "client", Text: "link down", Begin: sec(0.7)},
	}}
	assert.Equal(t, []toldMoment{
		{at: 0.01, server: "frozen (DROP in and out)"},
		{at: 0.5, server: "healed, 4 packets were dropped"},
		{at: 0.7, client: "link down"},
	}, toldMoments(lab))
}

func TestEveryHappeningIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, lab := range fixture().Labs {
		var happenings, segments int
		var before Seconds
		for _, m := range moments(lab) {
			for _, text := range m.texts {
				happenings += 1 + strings.Count(text, " → ")
			}
			if m.segment != nil {
				segments++
			}
			assert.GreaterOrEqual(t, m.at, before, lab.Test)
			before = m.at
		}
		assert.Equal(t, len(lab.Segments), segments, lab.Test)
		assert.Equal(t, len(lab.Notes)+len(lab.Faults)+len(lab.Transitions), happenings, lab.Test)
	}
}
