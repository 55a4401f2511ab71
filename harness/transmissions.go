package harness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// The timers of a chain show twice: in what sock_diag tells of them, and in what
// they send. A kernel that armed every timer and sent nothing would keep all of
// its deadlines; only the wire shows that it does not.

// transmissions are what one socket sent that belongs to the chain of a window:
// for the retransmission timer every segment that takes up sequence numbers, for
// the others the probes, which take up none.
type transmissions struct {
	first, again []crossing
}

// transmissions picks those of the socket that were sent between two moments.
func (c *Conn) transmissions(chain tcp.Timer, from, to time.Time) (transmissions, error) {
	var out transmissions
	all, unkept, err := c.host.lab.wire()
	if err != nil {
		return out, err
	}
	if unkept > 0 {
		return out, fmt.Errorf("%d segments passed and were not kept", unkept)
	}
	for _, segment := range all {
		mine := segment.from == c.host && segment.From == c.local && segment.To == c.remote
		if !mine || segment.Flags.Has(RST) || segment.sent.Before(from) || segment.sent.After(to) {
			continue
		}
		probes := chain != tcp.TimerRetransmit
		switch {
		case probes == segment.occupies():
		case segment.again:
			out.again = append(out.again, segment)
		case !probes:
			out.first = append(out.first, segment)
		}
	}
	return out, nil
}

// onWire reports whether what the window's chain sends can be seen: not where it
// never reached the wire, and not where the peer's answers set the chain back.
func (lab *Lab) onWire(w tcp.Window) bool {
	return len(w.Firings) > 0 && !w.Answered && !lab.linkWasDown && w.Ending.Hold != tcp.NeverSent && w.Ending.Options.UserTimeout == 0
}

// misfit says which of what was sent again did not leave when a timer fired;
// empty if none. What left before the first could fire is the tail loss probe, if
// there is one; where that cannot be told, it may be either.
func (sent transmissions) misfit(start between, w tcp.Window, o observation, tick time.Duration) string {
	if len(sent.again) == 0 {
		return ""
	}
	first := between{sent.again[0].sent, sent.again[0].sent}.since(start)
	limit := (w.Probe + w.Firings[0].Min) / 2 // the first timeout starts from the probe
	if w.Probe == 0 || first.Min >= limit {
		return firingMisfit(sent.again, start, w, o, tick)
	}
	misfit := firingMisfit(sent.again[1:], start, w, o, tick)
	if first.Max < w.Probe-o.behindBy(0)-tick {
		misfit = joined(fmt.Sprintf("the tail loss probe left after %v, not %s", first, tcp.Text(w.Probe)), misfit)
	}
	if misfit != "" && first.Max >= limit {
		return firingMisfit(sent.again, start, w, o, tick)
	}
	return misfit
}

// firingMisfit compares what was sent again with the firings, one by one.
func firingMisfit(again []crossing, start between, w tcp.Window, o observation, tick time.Duration) string {
	var misfits []string
	for i, segment := range again {
		left := between{segment.sent, segment.sent}.since(start)
		if i >= len(w.Firings)-1 {
			misfits = append(misfits, fmt.Sprintf("%v left after %v, when the last timer had nothing more to send", segment.Flags, left))
			continue
		}
		firing := tcp.Span{Min: w.Firings[i].Min - o.behindBy(i) - tick, Max: w.Firings[i].Max + tick}
		if !firing.Overlaps(left) {
			misfits = append(misfits, fmt.Sprintf("%v was sent for the %s time again after %v, not %v", segment.Flags, ordinal(i+1), left, w.Firings[i]))
		}
	}
	return strings.Join(misfits, "; ")
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// sentBy names the counter of what each timer sends.
var sentBy = map[tcp.Timer]string{
	tcp.TimerRetransmit: "RetransSegs",
	tcp.TimerKeepalive:  "TCPKeepAlive",
	tcp.TimerPersist:    "TCPWinProbe",
}

// judgeWire compares what the socket has sent with the window that its end was
// judged by, and takes the verdict back where it does not fit.
func (c *Conn) judgeWire(t testing.TB, s spell, v *verdict) {
	t.Helper()
	if !c.host.lab.onWire(v.allowed) {
		return
	}
	until := s.last
	if s.over() {
		until = s.ended.to
	}
	sent, err := c.transmissions(v.allowed.Chain, v.start.from, until)
	if err != nil {
		t.Fatalf("comparing what the %s sent with what its timers told: %v", c.host.name, err)
	}
	misfit := sent.misfit(v.start, v.allowed, v.seen, c.watcher.tick)
	if misfit == "" && s.over() {
		misfit = sent.miscount(*v)
	}
	if misfit != "" {
		v.outcome, v.detail = offSchedule, "on the wire "+misfit
	} else if better := sent.betterFit(v.start, v.window, v.seen, c.watcher.tick); better != "" {
		v.outcome, v.detail = inconclusive, better
	}
}

// betterFit says which rival explains by itself what was sent again, where the
// prediction does so only with the lateness of the machine; empty if none. A rival of
// another chain explains nothing: what it would send is none of this.
func (sent transmissions) betterFit(start between, ideal tcp.Window, o observation, tick time.Duration) string {
	if sent.misfit(start, ideal, o, tick) == "" {
		return ""
	}
	for _, rival := range ideal.Rivals {
		if rival.Window.Chain == ideal.Chain && len(rival.Window.Firings) > 0 && sent.misfit(start, rival.Window, o, tick) == "" {
			return "the machine was so late that the wire shows just as well " + rival.Name
		}
	}
	return ""
}

// miscount says what of the number of segments sent again does not fit the
// counters of the end; empty if it does.
func (sent transmissions) miscount(v verdict) string {
	var want []string
	for _, end := range v.outcomes {
		n := end.Counters[sentBy[v.allowed.Chain]]
		if end.Span.Overlaps(v.lasted) {
			if n == len(sent.again) {
				return ""
			}
			want = append(want, fmt.Sprint(n))
		}
	}
	return fmt.Sprintf("%d were sent again, not %s", len(sent.again), strings.Join(want, " or "))
}

// ExpectTransmissions fails unless the socket has sent a segment with these
// control bits so many times in its present state, or the last that it was in:
// the first, and each of the others at a moment when the model has a timer fire.
// For a chain of probes all count, and none is the first.
func (c *Conn) ExpectTransmissions(t testing.TB, flags Flags, times int) {
	t.Helper()
	c.expectTransmissions(t, c.predict, flags, times)
}

func (c *Conn) expectTransmissions(t testing.TB, predict prediction, flags Flags, times int) {
	t.Helper()
	current := c.current(t)
	ideal := predict(current.state, nil)
	start := c.start(current, ideal)
	allowed := predict(current.state, c.lateness(start, ideal))
	seen := observe(current, start, ideal)
	seen.notice(start, c.watcher.tick, &overshoots)
	until := time.Now()
	if current.over() {
		until = current.ended.to
	}
	sent, err := c.transmissions(allowed.Chain, start.from, until)
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, segment := range append(sent.first, sent.again...) {
		if segment.Flags&(SYN|FIN|RST|ACK) == flags {
			counted++
		}
	}
	switch misfit := sent.misfit(start, allowed, seen, c.watcher.tick); {
	case counted != times:
		c.failf(t, "%s sent %v %d times in %v, not %d", c.host.name, flags, counted, current.state, times)
	case misfit != "":
		c.failf(t, "%s in %v: %s", c.host.name, current.state, misfit)
	}
	if better := sent.betterFit(start, ideal, seen, c.watcher.tick); better != "" {
		c.conclude(t, verdict{outcome: inconclusive, conn: c.host.name, window: ideal, detail: better})
	}
}

// delayedAck is the least by which an acknowledgement is delayed that is not sent
// at once (TCP_DELACK_MIN in include/net/tcp.h, 40 ms from HZ 100 on, Linux 5.10
// to 7.3).
const delayedAck = 40 * time.Millisecond

// ExpectReacknowledged fails unless so many FINs of the peer have arrived, and
// each was answered by one acknowledgement at once, sooner than a delayed one.
func (c *Conn) ExpectReacknowledged(t testing.TB, times int) {
	t.Helper()
	all, _, err := c.host.lab.wire()
	if err != nil {
		t.Fatal(err)
	}
	var fins, answers []crossing
	for _, s := range all {
		switch {
		case s.from != c.host && s.From == c.remote && s.Flags.Has(FIN) && !s.arrived.IsZero():
			fins = append(fins, s)
		case s.from == c.host && s.From == c.local && len(fins) > 0 && s.Flags == ACK && s.Ack == fins[0].Seq+uint32(fins[0].Len)+1:
			answers = append(answers, s)
		}
	}
	if len(fins) != times || len(answers) != times {
		c.failf(t, "%s answered %d FINs %d times, not %d FINs %[4]d times", c.host.name, len(fins), len(answers), times)
	}
	if delay := delayed(fins, answers, &overshoots); delay != "" {
		c.failf(t, "%s answered %s", c.host.name, delay)
	}
}

// delayed says which of the answers was not sent at once; empty if none.
func delayed(fins, answers []crossing, log *overshootLog) string {
	for i, answer := range answers {
		if after := answer.sent.Sub(fins[i].arrived); after < 0 || after >= delayedAck+log.worst(fins[i].arrived, answer.sent) {
			return fmt.Sprintf("the %s FIN after %s, not at once", ordinal(i+1), tcp.Text(after.Round(time.Microsecond)))
		}
	}
	return ""
}
