package harness

import (
	"testing"

	"github.com/finwait/finwait/harness/tcp"
)

// A deviation is a kernel that does not do what is documented, known and
// declared. The case then expects that instead, and says so aloud. The entry
// fails as soon as a kernel in its range does what is documented.
type deviation struct {
	// name is that of the case.
	name string
	// from is the first release that deviates, to the first that no longer
	// does; zero while every later one does.
	from, to tcp.Release
	// instead is what happens: the state is never left.
	instead string
	// reference is where to read of it.
	reference string
}

// deviations are all that are known.
var deviations = []deviation{
	{
		name:      "server reads nothing, and answers probes, client closes with a small tcp_retries2",
		from:      tcp.Release{Major: 5, Minor: 10},
		instead:   "the orphan is never reaped while its peer answers",
		reference: "tcp_send_probe0 (net/ipv4/tcp_output.c) stops counting the back-off at tcp_retries2, and tcp_probe_timer (net/ipv4/tcp_timer.c) ends an orphan only once the back-off has reached the maximal timeout; Documentation/networking/ip-sysctl.rst, tcp_orphan_retries, promises an end",
	},
}

// deviation is the known one that applies to the lab; nil if none.
func (lab *Lab) deviation() *deviation {
	for i, known := range deviations {
		version := lab.kernel.version
		bounded := known.to != tcp.Release{}
		if known.name != lab.name || version.Before(known.from.Major, known.from.Minor) || bounded && !version.Before(known.to.Major, known.to.Minor) {
			continue
		}
		return &deviations[i]
	}
	return nil
}

// expectDeviation passes if the socket outlives what is documented.
func (c *Conn) expectDeviation(t testing.TB, current spell, known *deviation, predict prediction) {
	t.Helper()
	window := predict(current.state, nil)
	start := c.start(current, window)
	allowed := predict(current.state, c.lateness(start, window))
	limit := start.to.Add(allowed.Max() + heldLongEnough)
	current = c.awaitEnd(t, current, limit)
	timer := current.stages[len(current.stages)-1].timer
	switch {
	case current.over():
		c.failf(t, "%s was gone from %v after %v: the known deviation (%s) holds no longer on %v; bound its entry in deviation.go",
			c.host.name, current.state, current.ended.since(start), known.instead, c.host.lab.kernel)
	case window.Deviation == "":
		c.failf(t, "the model knows of no deviation here: %s", known.instead)
	case timer != window.Chain && timer != tcp.TimerNone:
		c.failf(t, "%s is held in %v by the %v, not the %v", c.host.name, current.state, timer, window.Chain)
	}
	v := c.judge(current, predict)
	v.outcome, v.detail, v.window.Deviation = deviating, known.instead, known.reference
	c.conclude(t, v)
}
