package report

import "fmt"

// oddLabs are pictures that are hard to draw.
func oddLabs() []Lab { return []Lab{twoLab(), muchDataLab(), probesLab()} }

// twoLab has two connections, a fault that was healed, a segment that was lost
// and one that was injected, and a state that did not end in its last window.
func twoLab() Lab {
	lab := connected("IPv4", "TestTwo", "", "two connections")
	lab.Result = Failed
	lab.Notes = append(lab.Notes,
		call(0.0098, "client", "connect()"), call(0.5, "client", "close()"),
		call(0.9, "client", "write 1000 bytes and wait for an answer that never comes, whatever may happen"),
		Note{At: sec(0.95), Host: "server", Text: "injected: RST seq 4242, 0 bytes"},
	)
	second := []Transition{
		lab.turn("client", 0.0102, "SYN_SENT", "retransmission timer", 1.01, "SYN_SENT, retransmission timer in 1 s"),
		lab.turn("client", 0.0112, "ESTABLISHED", "", 0, "ESTABLISHED"),
		lab.turn("server", 0.0113, "ESTABLISHED", "", 0, "ESTABLISHED"),
	}
	for i := range second {
		second[i].Socket = map[string]string{"client": "192.0.2.1:40001", "server": "192.0.2.2:6001"}[second[i].Host]
	}
	lab.Transitions = append(append(lab.Transitions, second...),
		lab.turn("client", 0.5002, "FIN_WAIT_1", "retransmission timer", 0.7, "FIN_WAIT_1, retransmission timer in 200 ms"),
		lab.turn("client", 0.5003, "FIN_WAIT_2", "time-wait timer", 60, "FIN_WAIT_2, time-wait timer in 60 s"),
	)
	lab.watched(7300)
	healed := sec(0.8)
	lab.Faults = []Fault{{Host: "client", Text: "frozen (DROP in)", Begin: sec(0.3), End: &healed, Hits: 3}}
	lost := lab.segment("client", 0.9, "PSH,ACK", true)
	lost.Len, lost.Arrived = 1000, nil
	injected := lab.segment("client", 0.951, "RST", false)
	injected.Sent = nil
	lab.Segments = append(lab.Segments, lab.segment("client", 0.5001, "FIN,ACK", false), lab.segment("server", 0.50015, "ACK", false), lost, injected)
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "FIN_WAIT_2", State: "FIN_WAIT_2", Outcome: "late", Clock: "the FIN was acknowledged",
		Text:  "client still in FIN_WAIT_2 after 7299.500 s, too late, window 60.000 to 62.048 s or 80.000 to 81.000 s",
		Start: from(0.5, 0.5003), Window: []Interval{from(60, 62.048), from(80, 81)}, Lasted: from(7299.4, 7299.5),
	}}
	return lab
}

// muchDataLab ends at once, after many segments, and fails for its counters.
func muchDataLab() Lab {
	lab := connected("IPv4", "TestData", "", "much data")
	lab.Result, lab.Reason = Failed, "client was reaped from ESTABLISHED, but TCPAbortOnClose moved by 0, not 1"
	for i := range 40 {
		at := 0.02 + float64(i)*0.01
		data := lab.segment("client", at, "PSH,ACK", false)
		data.Len = 1448
		lab.Segments = append(lab.Segments, data, lab.segment("server", at+0.005, "ACK", false))
	}
	lab.Notes = append(lab.Notes, call(1, "client", "close()"))
	lab.Transitions = append(lab.Transitions, lab.ended("client", 1.0001, 1.0003, "ESTABLISHED"), lab.ended("server", 1.0001, 1.0003, "ESTABLISHED"))
	lab.Segments = append(lab.Segments, lab.segment("client", 1.0002, "RST,ACK", false))
	lab.watched(1.1)
	lab.Verdicts = []Verdict{{
		Host: "client", Ending: "ESTABLISHED", State: "ESTABLISHED", Outcome: "reaped in its window", Passed: true, Over: true,
		Text:  "client reaped from ESTABLISHED after 0.000 s, window 0.000 to 0.004 s",
		Clock: "the owner closed the socket", Start: from(1, 1.0001), Window: []Interval{from(0, 0.004)}, Lasted: from(0, 0.0003),
	}}
	return lab
}

// probesLab has more transitions than anybody reads.
func probesLab() Lab {
	lab := connected("IPv4", "TestProbes", "", "many probes")
	lab.Result = Passed
	for i := range 120 {
		at := 0.2 + float64(i)*1.04
		lab.Segments = append(lab.Segments, lab.segment("client", at, "ACK", true), lab.segment("server", at+0.0001, "ACK", false))
		lab.Transitions = append(lab.Transitions, lab.turn("client", at, "ESTABLISHED", "persist timer", at+1, fmt.Sprintf("persist probe %d, next in 1 s", i+1)))
	}
	lab.watched(130)
	return lab
}
