package report

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// fixture is a run with a lab of every kind: ends as predicted, one too early,
// one that cannot be told, states cut short, for ever and not held, and a skip.
func fixture() Run {
	return Run{
		Version: Version, Kernel: "6.18.44", HZ: 250, Iptables: "iptables 1.8.9 (nf_tables)",
		Started: time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC), Took: sec(121.417), Watch: sec(120),
		SettingsOf: "this machine", Noise: Noise{Overshoot: sec(0.141), Stolen: sec(0.09)},
		Labs: []Lab{
			skippedLab(), controlLab(), earlyLab(), neverLab(), finWait2Lab(), reapedLab(), unclearLab(), timeWaitLab(), armedLab(),
		},
	}
}

// reapedLab is FIN_WAIT_1 reaped in its window.
func reapedLab() Lab {
	lab := frozenServer("IPv4")
	lab.Result, lab.Took = Passed, sec(3.471)
	lab.Transitions = append(lab.Transitions,
		lab.retried(0.8491, 2, "retransmission 2, next in 840 ms", 1.689),
		lab.retried(1.6891, 3, "retransmission 3, next in 1.7 s", 3.361),
		lab.ended("client", 3.3611, 3.3625, "FIN_WAIT_1"),
	)
	lab.watched(3.4631)
	lab.Segments = append(lab.Segments, lab.fin(0.849), lab.fin(1.689))
	lab.Faults[0].Hits = 5
	lab.Hosts[0].Counters = map[string]int{"RetransSegs": 4, "TCPAbortOnTimeout": 1, "TCPLossProbes": 1, "TCPTimeouts": 4}
	verdict := &lab.Verdicts[0]
	verdict.Outcome, verdict.Passed, verdict.Lasted = "reaped in its window", true, from(3.3439, 3.3455)
	verdict.Text = "client reaped from FIN_WAIT_1 after 3.345 s, window 3.264 to 3.368 s"
	return lab
}

// earlyLab is the same, predicted for one retry more than the host had.
func earlyLab() Lab {
	lab := frozenServer("IPv6")
	lab.Result, lab.Took, lab.Folder = Failed, sec(1.712), "TestFinWait1Reaped/tcp_orphan_retries=2/IPv6"
	lab.Transitions = append(lab.Transitions,
		lab.retried(0.8731, 2, "retransmission 2, next in 810 ms", 1.689),
		lab.ended("client", 1.6974, 1.6982, "FIN_WAIT_1"),
	)
	lab.watched(1.696)
	lab.Segments = append(lab.Segments, lab.fin(0.873))
	lab.Faults[0].Hits = 4
	lab.Hosts[0].Counters = map[string]int{"RetransSegs": 3, "TCPAbortOnTimeout": 1, "TCPLossProbes": 1, "TCPTimeouts": 3}
	verdict := &lab.Verdicts[0]
	verdict.Outcome, verdict.Lasted = "early", from(1.6802, 1.6812)
	verdict.Text = "client reaped from FIN_WAIT_1 too early, after 1.681 s, window 3.264 to 3.368 s: just as one retry fewer, tcp_orphan_retries=1 (1.632 to 1.714 s) would"
	verdict.Like = []Rival{{Name: "one retry fewer, tcp_orphan_retries=1", Window: []Interval{from(1.632, 1.714)}}}
	lab.Reason = verdict.Text
	return lab
}

// frozenServer is what the two have in common, to the first retransmission.
func frozenServer(family string) Lab {
	lab := connected(family, "TestFinWait1Reaped", "tcp_orphan_retries=2", "FIN_WAIT_1, server frozen")
	lab.Declared = "FIN_WAIT_1"
	lab.Sysctls = map[string]int{"tcp_orphan_retries": 2, "tcp_retries2": 8, "tcp_fin_timeout": 20}
	lab.Faults = []Fault{{Host: "server", Text: "frozen (DROP in and out)", Begin: sec(0.0168)}}
	lab.Notes = append(lab.Notes, call(0.01695, "client", "close()"))
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0171, "FIN_WAIT_1", "retransmission timer", 0.221, "FIN_WAIT_1, retransmission timer in 200 ms"),
		lab.turn("client", 0.2251, "FIN_WAIT_1", "retransmission timer", 0.429, "tail loss probe, next in 200 ms"),
		lab.retried(0.4331, 1, "retransmission 1, next in 410 ms", 0.841),
	)
	first := lab.fin(0.017)
	first.Repeats = false
	lab.Segments = append(lab.Segments, first, lab.fin(0.225), lab.fin(0.433))
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "FIN_WAIT_1", State: "FIN_WAIT_1", Over: true,
		Clock: "the FIN was sent", Start: from(0.017, 0.0172), Window: []Interval{from(3.264, 3.368)}, RTO: sec(0.204),
		Why: []string{
			"204 ms tail loss probe + 204 ms × (1+2+4+8), counted from when the FIN was sent",
			"tcp_orphan_retries=2 allows 1.4 s after the first retransmission, asked only when the timer fires",
			"tcp_schedule_loss_probe (net/ipv4/tcp_output.c), tcp_retransmit_timer, tcp_write_timeout, retransmits_timed_out (net/ipv4/tcp_timer.c), Linux 5.10 to 7.3",
		},
	}}
	return lab
}

// unclearLab is LAST_ACK on a machine that stood still when the end was due.
func unclearLab() Lab {
	lab := connected("IPv4", "TestLastAckReaped", "tcp_orphan_retries=2", "LAST_ACK, client half-closed and frozen")
	lab.Result, lab.Took, lab.Noise = Inconclusive, sec(3.53), Noise{Overshoot: sec(0.141), Stolen: sec(0.09)}
	lab.Declared, lab.Folder = "LAST_ACK", "TestLastAckReaped/tcp_orphan_retries=2/IPv4"
	lab.Sysctls = map[string]int{"tcp_orphan_retries": 2, "tcp_retries2": 8, "tcp_fin_timeout": 20}
	lab.Faults = []Fault{{Host: "client", Text: "frozen (DROP in and out)", Begin: sec(0.0718), Hits: 5}}
	lab.Notes = append(lab.Notes, call(0.0104, "client", "shutdown(SHUT_WR)"), call(0.0739, "server", "close()"))
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0105, "FIN_WAIT_1", "retransmission timer", 0.214, "FIN_WAIT_1, retransmission timer in 200 ms"),
		lab.turn("server", 0.0105, "CLOSE_WAIT", "", 0, "CLOSE_WAIT"),
		lab.turn("client", 0.0507, "FIN_WAIT_2", "", 0, "FIN_WAIT_2"),
		lab.turn("server", 0.0741, "LAST_ACK", "retransmission timer", 0.277, "LAST_ACK, retransmission timer in 200 ms"),
		lab.turn("server", 0.2841, "LAST_ACK", "retransmission timer", 0.488, "tail loss probe, next in 200 ms"),
		lab.ended("server", 3.2242, 3.3651, "LAST_ACK"),
	)
	lab.watched(3.5011)
	lab.Segments = append(lab.Segments, lab.segment("client", 0.0104, "FIN,ACK", false), lab.segment("server", 0.0506, "ACK", false))
	for i, at := range []float64{0.074, 0.284, 0.492, 0.908, 1.746} {
		fin := lab.segment("server", at, "FIN,ACK", i > 0)
		fin.Dropped = "frozen (DROP in and out)"
		lab.Segments = append(lab.Segments, fin)
	}
	lab.Hosts[1].Counters = map[string]int{"RetransSegs": 4, "TCPAbortOnTimeout": 1, "TCPLossProbes": 1, "TCPTimeouts": 4}
	lab.Verdicts = []Verdict{{
		Host: "server", Ending: "LAST_ACK", State: "LAST_ACK", Outcome: "inconclusive", Over: true,
		Text:  "server from LAST_ACK inconclusive: reaped after 3.150 to 3.291 s, window 3.264 to 3.368 s, which cannot be told from no tail loss probe (3.060 to 3.160 s)",
		Clock: "the FIN was sent", Start: from(0.074, 0.0742), Window: []Interval{from(3.264, 3.368)}, Lasted: from(3.15, 3.2911),
		Allowed: sec(0.141), RTO: sec(0.204),
		Like: []Rival{{Name: "no tail loss probe", Window: []Interval{from(3.06, 3.16)}}},
		Why: []string{
			"204 ms tail loss probe + 204 ms × (1+2+4+8), counted from when the FIN was sent",
			"this machine was late when timers were due: up to 141 ms more are allowed",
		},
	}}
	lab.Reason = lab.Verdicts[0].Text
	return lab
}

// finWait2Lab is FIN_WAIT_2 for 3 s.
func finWait2Lab() Lab {
	lab := closedFirst("TestFinWait2Reaped", "tcp_fin_timeout=3", "FIN_WAIT_2, server never closes")
	lab.Result, lab.Declared, lab.Took = Passed, "FIN_WAIT_2", sec(3.19)
	lab.Sysctls = map[string]int{"tcp_fin_timeout": 3, "tcp_orphan_retries": 1}
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0509, "FIN_WAIT_2", "time-wait timer", 3.051, "FIN_WAIT_2, time-wait timer in 3 s"),
		lab.ended("client", 3.1443, 3.1453, "FIN_WAIT_2"),
	)
	lab.watched(3.146)
	lab.Hosts[0].Counters = map[string]int{"TWKilled": 1}
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "FIN_WAIT_2", State: "FIN_WAIT_2", Outcome: "reaped in its window", Passed: true, Over: true,
		Text:  "client reaped from FIN_WAIT_2 after 3.094 s, window 3.000 to 3.256 s",
		Clock: "the FIN was acknowledged", Start: from(0.0506, 0.0509), Window: []Interval{from(3, 3.256)}, Lasted: from(3.0934, 3.0947),
		RTO: sec(0.204), Why: []string{"3 s of the time-wait timer, counted from when the FIN was acknowledged", "tcp_fin_timeout=3"},
	}}
	return lab
}

// armedLab is FIN_WAIT_2 for longer than anybody watched.
func armedLab() Lab {
	lab := closedFirst("TestLinger2", "TCP_LINGER2=0,_tcp_fin_timeout=200", "FIN_WAIT_2, server never closes")
	lab.Title = "FIN_WAIT_2, server never closes, TCP_LINGER2=0, tcp_fin_timeout=200, IPv4"
	lab.Result, lab.Declared, lab.Took = Passed, "FIN_WAIT_2", sec(120.14)
	lab.Sysctls = map[string]int{"tcp_fin_timeout": 200, "tcp_orphan_retries": 1, "tcp_retries2": 3}
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0509, "FIN_WAIT_2", "keepalive timer", 140.051, "FIN_WAIT_2, keepalive timer in 140 s"),
	)
	lab.watched(120.0513)
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "FIN_WAIT_2", State: "FIN_WAIT_2", Outcome: "armed", Passed: true,
		Text:  "client armed to be reaped from FIN_WAIT_2: watched for 120.000 s, window 280.000 to 312.768 s",
		Clock: "the FIN was acknowledged", Start: from(0.0506, 0.0509), Window: []Interval{from(280, 312.768)}, Lasted: from(120.0002, 120.0005),
		RTO: sec(0.204), Why: []string{
			"140 s of the keepalive timer + 140 s of the time-wait timer: above 60 s the kernel waits twice for the excess of 140 s, not once for 200 s, counted from when the FIN was acknowledged",
			"tcp_fin_timeout=200",
		},
	}}
	return lab
}

// neverLab is CLOSE_WAIT, which no timer holds.
func neverLab() Lab {
	lab := closedFirst("TestCloseWait", "", "CLOSE_WAIT, server never closes")
	lab.Result, lab.Declared, lab.Took = Passed, "CLOSE_WAIT", sec(2.1)
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0509, "FIN_WAIT_2", "time-wait timer", 60.051, "FIN_WAIT_2, time-wait timer in 60 s"),
	)
	lab.watched(2.0513)
	lab.Verdicts = []Verdict{{
		Host: "server", Ending: "CLOSE_WAIT", State: "CLOSE_WAIT", Outcome: "for ever as it should", Passed: true,
		Text:   "server in CLOSE_WAIT for ever: no timer armed after 2.041 s",
		Window: []Interval{}, Start: from(0.0103, 0.0105), Lasted: from(2.0408, 2.041), Why: []string{"no timer holds it: only its owner ends it"},
	}}
	return lab
}

// closedFirst is a lab whose client has closed, to the acknowledgement of its
// FIN.
func closedFirst(test, variant, name string) Lab {
	lab := connected("IPv4", test, variant, name)
	lab.Notes = append(lab.Notes, call(0.0102, "client", "close()"))
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0104, "FIN_WAIT_1", "retransmission timer", 0.214, "FIN_WAIT_1, retransmission timer in 200 ms"),
		lab.turn("server", 0.0105, "CLOSE_WAIT", "", 0, "CLOSE_WAIT"),
	)
	lab.Segments = append(lab.Segments, lab.segment("client", 0.0103, "FIN,ACK", false), lab.segment("server", 0.0506, "ACK", false))
	return lab
}

// timeWaitLab is TIME_WAIT for 60 s.
func timeWaitLab() Lab {
	lab := closedFirst("TestTimeWaitLength", "tcp_fin_timeout=5", "TIME_WAIT, both closed")
	lab.Result, lab.Declared, lab.Took = Passed, "TIME_WAIT", sec(61.43)
	lab.Sysctls = map[string]int{"tcp_fin_timeout": 5}
	lab.Notes = append(lab.Notes, call(0.0712, "server", "close()"))
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0509, "FIN_WAIT_2", "time-wait timer", 5.051, "FIN_WAIT_2, time-wait timer in 5 s"),
		lab.ended("server", 0.0713, 0.0716, "CLOSE_WAIT"),
		lab.turn("client", 0.0715, "TIME_WAIT", "time-wait timer", 60.071, "TIME_WAIT, time-wait timer in 60 s"),
		lab.ended("client", 61.3809, 61.3822, "TIME_WAIT"),
	)
	lab.watched(61.3822)
	lab.Segments = append(lab.Segments, lab.segment("server", 0.0713, "FIN,ACK", false), lab.segment("client", 0.0714, "ACK", false))
	lab.Hosts[0].Counters = map[string]int{"TW": 1}
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "TIME_WAIT", State: "TIME_WAIT", Outcome: "reaped in its window", Passed: true, Over: true,
		Text:  "client reaped from TIME_WAIT after 61.310 s, window 60.000 to 62.048 s",
		Clock: "the peer's FIN arrived", Start: from(0.0713, 0.0715), Window: []Interval{from(60, 62.048)}, Lasted: from(61.3094, 61.3109),
		Why: []string{
			"60 s of the time-wait timer; tcp_fin_timeout plays no part, counted from when the peer's FIN arrived",
			"TCP_TIMEWAIT_LEN, a constant of the kernel",
			"tcp_time_wait (net/ipv4/tcp_minisocks.c), Linux 5.10 to 7.3",
		},
	}}
	return lab
}

// controlLab holds nothing, and no window is predicted.
func controlLab() Lab {
	lab := closedFirst("TestControlLastAck", "", "control: nothing frozen, server closes last")
	lab.Result, lab.Took = Passed, sec(0.62)
	lab.Notes = append(lab.Notes, call(0.0712, "server", "close()"))
	lab.Transitions = append(lab.Transitions,
		lab.turn("client", 0.0509, "FIN_WAIT_2", "time-wait timer", 60.051, "FIN_WAIT_2, time-wait timer in 60 s"),
		lab.ended("server", 0.0713, 0.0716, "CLOSE_WAIT"),
		lab.turn("client", 0.0715, "TIME_WAIT", "time-wait timer", 60.071, "TIME_WAIT, time-wait timer in 60 s"),
	)
	lab.watched(0.5733)
	lab.Segments = append(lab.Segments, lab.segment("server", 0.0713, "FIN,ACK", false), lab.segment("client", 0.0714, "ACK", false))
	lab.Verdicts = []Verdict{{
		Host: "server", Ending: "LAST_ACK", State: "LAST_ACK", Outcome: "not held, as it should", Passed: true, Over: true,
		Text: "server not held in LAST_ACK", Start: from(0.0712, 0.0713), Lasted: from(0, 0.0004),
	}}
	return lab
}

// skippedLab is one that the kernel is too old for.
func skippedLab() Lab {
	lab := named("IPv4", "TestRTOLimits", "tcp_rto_max_ms=1000", "FIN_WAIT_1, server frozen")
	lab.Result, lab.Declared, lab.Reason = Skipped, "FIN_WAIT_1", "tcp_rto_max_ms needs Linux 6.15 or later"
	lab.Sysctls = map[string]int{"tcp_rto_max_ms": 1000}
	return lab
}

func named(family, test, variant, name string) Lab {
	path, title, pattern := test, name, "^"+test+"$"
	if variant != "" {
		path, title, pattern = path+"/"+variant, title+", "+variant, pattern+"/^"+variant+"$"
	}
	return Lab{
		Test: path + "/" + family, Title: title + ", " + family, Family: family, Verdicts: []Verdict{},
		Rerun: "make cases ARGS='-run " + pattern + "/^" + family + "$'",
	}
}

// connected is a lab with an idle connection.
func connected(family, test, variant, name string) Lab {
	lab := named(family, test, variant, name)
	settings := map[string]int{"tcp_fin_timeout": 60, "tcp_orphan_retries": 0, "tcp_retries2": 15}
	lab.Hosts = []Host{
		{Name: "client", Addr: endpoints[family].client, Settings: settings},
		{Name: "server", Addr: endpoints[family].server, Settings: settings},
	}
	lab.Notes = []Note{call(0.0038, "client", "connect()")}
	lab.Transitions = []Transition{
		lab.turn("client", 0.0042, "ESTABLISHED", "", 0, "ESTABLISHED"),
		lab.turn("server", 0.0044, "ESTABLISHED", "", 0, "ESTABLISHED"),
	}
	lab.Segments = []Segment{
		lab.segment("client", 0.0039, "SYN", false), lab.segment("server", 0.004, "SYN,ACK", false), lab.segment("client", 0.0041, "ACK", false),
	}
	return lab
}

// endpoints are those of the connection in each family.
var endpoints = map[string]struct{ client, server string }{
	"IPv4": {"192.0.2.1:40000", "192.0.2.2:6000"},
	"IPv6": {"[2001:db8::1]:40000", "[2001:db8::2]:6000"},
}

// segment takes 20 µs from end to end.
func (l Lab) segment(from string, at float64, flags string, repeats bool) Segment {
	sent, arrived := sec(at), sec(at+0.00002)
	src, dst := endpoints[l.Family].client, endpoints[l.Family].server
	if from == "server" {
		src, dst = dst, src
	}
	return Segment{From: from, Sent: &sent, Arrived: &arrived, Src: src, Dst: dst, Flags: flags, Seq: 1, Ack: 1, Repeats: repeats}
}

// fin is a FIN of the client that a freeze drops, repeated.
func (l Lab) fin(at float64) Segment {
	segment := l.segment("client", at, "FIN,ACK", true)
	segment.Dropped = "frozen (DROP in and out)"
	return segment
}

// turn was seen within 100 µs. A timer is due at some time; no timer never.
func (l Lab) turn(host string, at float64, state, timer string, due float64, text string) Transition {
	socket := endpoints[l.Family].client
	if host == "server" {
		socket = endpoints[l.Family].server
	}
	return Transition{After: sec(at - 0.0001), At: sec(at), Host: host, Socket: socket, State: state, Timer: timer, Due: sec(due), Text: text}
}

// retried is a retransmission of the client's FIN.
func (l Lab) retried(at float64, n int, text string, due float64) Transition {
	t := l.turn("client", at, "FIN_WAIT_1", "retransmission timer", due, text)
	t.Retransmissions = n
	return t
}

func (l Lab) ended(host string, after, at float64, state string) Transition {
	t := l.turn(host, at, gone, "", 0, "gone from "+state)
	t.After = sec(after)
	return t
}

// watched sorts the transitions, and says how long each socket was seen as it
// was before the next of them, and at the end of the watch.
func (l Lab) watched(until float64) {
	slices.SortStableFunc(l.Transitions, func(a, b Transition) int { return cmp.Compare(a.At, b.At) })
	last := map[string]Seconds{}
	for i, t := range slices.Backward(l.Transitions) {
		if t.State != gone {
			l.Transitions[i].Last = cmp.Or(last[t.Socket], sec(until))
		}
		last[t.Socket] = t.After
	}
}

func call(at float64, host, text string) Note {
	return Note{At: sec(at), Host: host, Text: text, Call: true}
}

func sec(seconds float64) Seconds {
	return Seconds(math.Round(seconds*1e6)) * Seconds(time.Microsecond)
}

func from(earliest, latest float64) Interval { return Interval{sec(earliest), sec(latest)} }
