package harness

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// A story is what was done in a lab: calls, faults.
type story struct {
	mu    sync.Mutex
	notes []event
}

// An event is one line of the timeline, in the column of its host.
type event struct {
	at   time.Time
	host *Host
	text string
	// action marks a call; the state that follows at once joins its line.
	action bool
}

func (s *story) note(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, e)
}

// tell is the whole story: what was seen on both hosts, on one time axis, the
// faults, the verdicts with their windows, and what the prediction rests on.
func (lab *Lab) tell() string {
	var b strings.Builder
	lab.tellTimeline(&b)
	for _, v := range lab.verdicts {
		fmt.Fprintf(&b, "%10s%s\n", "", v)
		for _, line := range v.why() {
			fmt.Fprintf(&b, "%12s%s\n", "", line)
		}
	}
	for _, fault := range lab.faults {
		fmt.Fprintf(&b, "%10sfault: %s\n", "", fault.describe(lab.started))
	}
	if len(lab.faults) == 0 {
		fmt.Fprintf(&b, "%10sno fault was put in force\n", "")
	}
	for _, host := range []*Host{lab.Client, lab.Server} {
		if change := host.settingsChanged(); change != "" {
			fmt.Fprintf(&b, "%10s%s\n", "", change)
		}
	}
	fmt.Fprintf(&b, "%10s%v", "", lab.kernel)
	for _, conn := range lab.connections() {
		if conn.socket.RTO > 0 {
			fmt.Fprintf(&b, "; %s's retransmission timeout before: %s", conn.host.name, tcp.Text(conn.socket.RTO))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// settingsChanged says what the sysctls are now, if not what they were when the
// connection was made.
func (h *Host) settingsChanged() string {
	now, err := h.readSettings()
	if err != nil {
		return err.Error()
	}
	if now == h.settings {
		return ""
	}
	return fmt.Sprintf("the settings of the %s changed during the case: %s", h.name, strings.Join(h.settings.Changes(now), ", "))
}

const (
	columnWidth = 64
	// notable is the lateness from which on it is worth a line.
	notable = 25 * time.Millisecond
)

func (lab *Lab) tellTimeline(b *strings.Builder) {
	fmt.Fprintf(b, " %-9s%s%s\n", "time", pad(lab.heading(lab.Client)), lab.heading(lab.Server))
	for _, e := range lab.events() {
		left, right := e.text, ""
		if e.host == lab.Server {
			left, right = "", e.text
		}
		fmt.Fprintf(b, "%7.3f   %s\n", e.at.Sub(lab.started).Seconds(), strings.TrimRight(pad(left)+right, " "))
	}
}

// heading names a host by the address of its first connection.
func (lab *Lab) heading(h *Host) string {
	for _, conn := range lab.connections() {
		if conn.host == h {
			return h.name + " " + conn.local.String()
		}
	}
	return h.name + " " + h.addrs[lab.Family].Addr().String()
}

// pad fills the left column; it counts characters, not bytes.
func pad(text string) string {
	return text + strings.Repeat(" ", max(1, columnWidth-len([]rune(text))))
}

// events merges what was done with what was seen, in order of time.
func (lab *Lab) events() []event {
	lab.story.mu.Lock()
	events := slices.Clone(lab.story.notes)
	lab.story.mu.Unlock()
	for _, conn := range lab.connections() {
		stages, _ := conn.watcher.seen()
		events = append(events, conn.events(stages)...)
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return joinActions(events)
}

// joinActions puts a call and the state that it led to on one line.
func joinActions(events []event) []event {
	const atOnce = 20 * time.Millisecond
	var out []event
	for _, e := range events {
		for i := range out {
			call := &out[i]
			if call.action && call.host == e.host && !e.action && e.at.Sub(call.at) < atOnce {
				call.text, call.action = call.text+" → "+e.text, false
				e.text = ""
				break
			}
		}
		if e.text != "" {
			out = append(out, e)
		}
	}
	return out
}

// events are what was seen of one socket.
func (c *Conn) events(stages []stage) []event {
	var out []event
	say := func(at time.Time, text string) { out = append(out, event{at: at, host: c.host, text: text}) }
	shown := unborn
	for i, s := range stages {
		glimpse := i > 0 && i+1 < len(stages) && s.timer == tcp.TimerNone && stages[i+1].state == s.state
		switch {
		case s.state == unborn, glimpse: // not there so far, or a look while a timer fired
			continue
		case s.state == tcp.Gone:
			say(s.begun, "gone from "+stages[i-1].state.String())
		case s.state != shown:
			say(s.begun, s.state.String()+c.fin(s)+s.due())
		case stages[i-1].retrans != s.retrans:
			say(s.begun, fmt.Sprintf("%s %d%s%s", s.attempt(), s.retrans, c.fin(s), s.next()))
		default:
			say(s.begun, s.timer.String()+s.due())
		}
		shown = s.state
		for n, arming := range s.armings {
			if n > 0 {
				say(arming.seen, c.rearmed(s)+", next in "+arming.remaining())
			}
		}
	}
	if last := stages[len(stages)-1]; last.state != tcp.Gone && last.last.Sub(last.begun) > time.Second {
		say(last.last, "still "+last.state.String())
	}
	return out
}

// fin shows what became of the FIN that was sent as the stage began: a freeze
// in force drops it.
func (c *Conn) fin(s stage) string {
	if s.timer != tcp.TimerRetransmit || s.state != tcp.FinWait1 && s.state != tcp.LastAck {
		return ""
	}
	if c.host.lab.dropped(c.host, s.begun) {
		return ": FIN ──✗"
	}
	return ": FIN ──→"
}

// due says when the timer that the stage began with fires.
func (s stage) due() string {
	if len(s.armings) == 0 {
		return ""
	}
	return fmt.Sprintf(", %v in %s", s.timer, s.armings[0].remaining())
}

// attempt is what the kernel counts in the stage. Under the persist timer
// nothing is sent that was sent before.
func (s stage) attempt() string {
	if s.timer == tcp.TimerPersist {
		return "persist probe"
	}
	return "retransmission"
}

// next says the same of a timer that was there before.
func (s stage) next() string {
	if len(s.armings) == 0 {
		return ""
	}
	return ", next in " + s.armings[0].remaining()
}

// rearmed names what put the timer off: before the first retransmission it was
// the tail loss probe.
func (c *Conn) rearmed(s stage) string {
	if s.timer == tcp.TimerRetransmit && s.retrans == 0 && s.state != tcp.SynSent && s.state != tcp.SynRecv {
		return "tail loss probe" + c.fin(s)
	}
	return s.timer.String() + " armed anew"
}

// remaining is how long after it was seen the timer is due, for reading.
func (a arming) remaining() string {
	middle := a.due.from.Add(a.due.to.Sub(a.due.from) / 2)
	if d := middle.Sub(a.seen); d < time.Second {
		return tcp.Text(d.Round(10 * time.Millisecond))
	}
	return tcp.Text(middle.Sub(a.seen).Round(100 * time.Millisecond))
}

// clock is a moment as the timeline writes it.
func clock(at, since time.Time) string { return fmt.Sprintf("%.3f s", at.Sub(since).Seconds()) }

// String is the verdict in a line, as "client reaped from FIN_WAIT_1 after
// 3.345 s, window 3.264 to 3.368 s".
func (v verdict) String() string {
	state := v.window.Ending.State
	lasted := fmt.Sprintf("%.3f s", (v.lasted.Min+v.lasted.Max).Seconds()/2)
	if v.lasted.Max-v.lasted.Min > 5*time.Millisecond {
		lasted = v.lasted.String()
	}
	switch v.outcome {
	case reaped:
		return fmt.Sprintf("%s reaped from %v after %s, window %v", v.conn, state, lasted, v.window)
	case armed:
		return fmt.Sprintf("%s armed to be reaped from %v: watched for %s, window %v", v.conn, state, lasted, v.window)
	case onSchedule:
		return fmt.Sprintf("%s on schedule in %v, %s: watched for %s, window %v", v.conn, state, v.detail, lasted, v.window)
	case forEver:
		if v.window.Chain != tcp.TimerNone {
			return fmt.Sprintf("%s in %v for ever: still there after %s, the %v goes on", v.conn, state, lasted, v.window.Chain)
		}
		return fmt.Sprintf("%s in %v for ever: no timer armed after %s", v.conn, state, lasted)
	case closed:
		return fmt.Sprintf("%s ended from %v by its peer after %s, before its own timer could at %v", v.conn, state, lasted, v.window)
	case passing:
		return fmt.Sprintf("%s not held in %v", v.conn, state)
	case deviating:
		return fmt.Sprintf("%s still in %v after %s, documented %v: known deviation, %s", v.conn, state, lasted, v.window, v.detail)
	case early:
		return fmt.Sprintf("%s reaped from %v too early, after %s, window %v%s", v.conn, state, lasted, v.window, v.likeness())
	case late:
		if !v.over {
			return fmt.Sprintf("%s still in %v after %s, too late, window %v", v.conn, state, lasted, v.window)
		}
		return fmt.Sprintf("%s reaped from %v too late, after %s, window %v%s", v.conn, state, lasted, v.window, v.likeness())
	case offSchedule:
		return fmt.Sprintf("%s in %v not as predicted: %s; lasted %s, window %v", v.conn, state, v.detail, lasted, v.window)
	default:
		if v.detail != "" {
			return fmt.Sprintf("%s in %v inconclusive: %s", v.conn, state, v.detail)
		}
		return fmt.Sprintf("%s from %v inconclusive: reaped after %s, window %v, which cannot be told%s", v.conn, state, lasted, v.window, v.likeness())
	}
}

// likeness names what the end looks like instead.
func (v verdict) likeness() string {
	var names []string
	for _, rival := range v.matches {
		names = append(names, fmt.Sprintf("%s (%v)", rival.Name, rival.Window))
	}
	if len(names) == 0 {
		return ""
	}
	if v.outcome == inconclusive {
		return " from " + strings.Join(names, ", or ")
	}
	return ": just as " + strings.Join(names, ", or ") + " would"
}

// why explains the window.
func (v verdict) why() []string {
	var lines []string
	if text := v.window.Explain(); text != "" {
		lines = strings.Split(text, "\n")
	}
	if v.late > notable {
		lines = append(lines, fmt.Sprintf("this machine was late when timers were due: up to %s more are allowed", tcp.Text(v.late.Round(time.Millisecond))))
	}
	return lines
}
