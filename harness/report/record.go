package report

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Version is that of the format of results.json. It grows when a reader of the
// version before would misread what is written.
const Version = 1

// Run is one run of a suite.
type Run struct {
	// Version is that of the format. Write sets it.
	Version int `json:"version"`
	// Kernel is the release, as uname -r prints it.
	Kernel string `json:"kernel"`
	// HZ is the kernel's tick rate in ticks a second.
	HZ int `json:"hz"`
	// Iptables is the version and variant, as "iptables 1.8.9 (nf_tables)".
	Iptables string `json:"iptables"`
	// Started is when the run began, and Took how long it was.
	Started time.Time `json:"started"`
	Took    Seconds   `json:"took"`
	// Watch is how long a state was watched at the most.
	Watch Seconds `json:"watch"`
	// SettingsOf says whose settings the cases of own settings proved.
	SettingsOf string `json:"settings_of"`
	// Noise is that of the whole run.
	Noise Noise `json:"noise"`
	// Labs are the cases, one in each address family, in the order in which
	// they ended.
	Labs []Lab `json:"labs"`
}

// Noise is what kept the machine from being on time.
type Noise struct {
	// Overshoot is by how much a timer of this process or a wake-up was late,
	// at the worst.
	Overshoot Seconds `json:"overshoot"`
	// Stolen is the time that a hypervisor gave to others, summed over the
	// processors (proc(5), /proc/stat, steal).
	Stolen Seconds `json:"stolen"`
}

// Result is how a lab ended.
type Result string

// The results. Inconclusive is no pass.
const (
	Passed       Result = "passed"
	Failed       Result = "failed"
	Inconclusive Result = "inconclusive"
	Skipped      Result = "skipped"
)

// Lab is one case in one variant and one address family.
type Lab struct {
	// Test is the full name of the test, which tells the lab from every other
	// of the run: "TestFinWait1Reaped/tcp_orphan_retries=2/IPv4".
	Test string `json:"test"`
	// Title says what was done: "FIN_WAIT_1, server frozen,
	// tcp_orphan_retries=2, IPv4".
	Title string `json:"title"`
	// Family is IPv4 or IPv6.
	Family string `json:"family"`
	// Result is how it ended.
	Result Result `json:"result"`
	// Reason says in a line why it did not pass; empty if it did, and where
	// only the output of go test tells.
	Reason string `json:"reason,omitempty"`
	// Declared is the ending that the case promised to judge, empty where
	// nothing is judged by time.
	Declared string `json:"declared,omitempty"`
	// Sysctls are those that the case sets on both hosts.
	Sysctls map[string]int `json:"sysctls,omitempty"`
	// Verdicts are in the order in which they were reached.
	Verdicts []Verdict `json:"verdicts"`
	// Hosts are the client and the server, in this order; none of a lab that
	// was skipped or could not be built.
	Hosts []Host `json:"hosts,omitempty"`
	// Transitions are what the looks at the sockets found, one socket after the
	// other.
	Transitions []Transition `json:"transitions,omitempty"`
	// Segments are in order of time; of very many, the first and the last.
	Segments []Segment `json:"segments,omitempty"`
	// Notes and Faults are in the order in which they came.
	Notes  []Note  `json:"notes,omitempty"`
	Faults []Fault `json:"faults,omitempty"`
	// Unkept is the number of segments that passed beyond what is kept.
	Unkept int `json:"unkept,omitempty"`
	// Took is how long the lab existed, and Noise what disturbed it.
	Took  Seconds `json:"took"`
	Noise Noise   `json:"noise"`
	// Rerun is the command that runs just this lab.
	Rerun string `json:"rerun"`
	// Folder is where more is found of a lab that failed, relative to the
	// report; empty if there is none.
	Folder string `json:"folder,omitempty"`
}

// Host is a host as it was when the lab ended.
type Host struct {
	// Name is client or server.
	Name string `json:"name"`
	// Addr is its end of the first connection, or its address alone.
	Addr string `json:"addr"`
	// Settings are the net.ipv4.tcp_* sysctls that the model reads.
	Settings map[string]int `json:"settings,omitempty"`
	// Counters are by how much those of the host that tell ends apart have
	// moved since the first connection was made, without those that have not.
	Counters map[string]int `json:"counters,omitempty"`
}

// Verdict is what one expectation found.
type Verdict struct {
	// Host is whose socket was judged.
	Host string `json:"host"`
	// Ending is the state, and in words what holds it: "FIN_WAIT_1 (with an
	// owner)".
	Ending string `json:"ending"`
	// State is the state alone.
	State string `json:"state"`
	// Outcome is the verdict in a few words, as "reaped in its window", and
	// Passed says whether it is what the case wants.
	Outcome string `json:"outcome"`
	Passed  bool   `json:"passed"`
	// Text is the verdict in a line.
	Text string `json:"text"`
	// Clock names the event that window and interval are counted from, and
	// Start says when it was.
	Clock string   `json:"clock,omitempty"`
	Start Interval `json:"start"`
	// Window is where the end was predicted, by the model alone; none for never.
	Window []Interval `json:"window"`
	// Allowed is by how much the timers were allowed to be late beyond that,
	// for the machine was.
	Allowed Seconds `json:"allowed,omitempty"`
	// Lasted is how long the state lasted, or, if it is not Over, was watched.
	Lasted Interval `json:"lasted"`
	Over   bool     `json:"over"`
	// Why explains the window, line by line: calculation, rule, source.
	Why []string `json:"why,omitempty"`
	// Like are the rival explanations that the end fits.
	Like []Rival `json:"like,omitempty"`
	// RTO is the retransmission timeout of the connection before the clock
	// started; zero if nothing was measured.
	RTO Seconds `json:"rto,omitempty"`
}

// Rival is another explanation, which Name tells in a few words, with its Window.
type Rival struct {
	Name   string     `json:"name"`
	Window []Interval `json:"window"`
}

// Transition is what one look at a socket found new: a state, a timer, a
// retransmission.
type Transition struct {
	// After is the last moment before it, At the first moment known behind it.
	After Seconds `json:"after"`
	At    Seconds `json:"at"`
	// Host is whose socket it is, and Socket its local address and port.
	Host   string `json:"host"`
	Socket string `json:"socket"`
	// State is that of sock_diag; "gone" when there is no such socket any more.
	State string `json:"state"`
	// Timer holds the socket from here on; empty if none does.
	Timer string `json:"timer,omitempty"`
	// Due is when the timer was going to fire; zero without a timer.
	Due Seconds `json:"due,omitempty"`
	// Retransmissions is the kernel's count.
	Retransmissions int `json:"retransmissions,omitempty"`
	// Text is the transition for a reader: "FIN_WAIT_1, retransmission timer in
	// 200 ms".
	Text string `json:"text"`
	// Last is the last moment at which a socket that is not gone was seen so.
	Last Seconds `json:"last"`
}

// Segment is a TCP segment on the wire between the hosts.
type Segment struct {
	// From is the host that sent it.
	From string `json:"from"`
	// Sent is when it passed the sender's end of the wire, Arrived when it
	// passed the receiver's; nil where it did not. At least one of them is
	// there: what was injected was not sent by a socket.
	Sent    *Seconds `json:"sent,omitempty"`
	Arrived *Seconds `json:"arrived,omitempty"`
	// Dropped names the fault that dropped it after it had arrived.
	Dropped string `json:"dropped,omitempty"`
	// Src and Dst are addresses and ports.
	Src string `json:"src"`
	Dst string `json:"dst"`
	// Flags lists the control bits from the lowest: "FIN,ACK".
	Flags string `json:"flags"`
	// Seq and Ack are the numbers of the header, Len is the number of bytes of
	// data.
	Seq uint32 `json:"seq"`
	Ack uint32 `json:"ack,omitempty"`
	Len int    `json:"len,omitempty"`
	// Repeats says that the sender had sent the same before.
	Repeats bool `json:"repeats,omitempty"`
}

// Note is something that was done to the lab: a call, a sysctl.
type Note struct {
	// At is when it was done to the Host, and Text says what.
	At   Seconds `json:"at"`
	Host string  `json:"host"`
	Text string  `json:"text"`
	// Call marks a call of the application, which a transition may follow at
	// once.
	Call bool `json:"call,omitempty"`
}

// Fault is a freeze.
type Fault struct {
	// Host is the one that is frozen, and Text how: "frozen (DROP in and out)".
	Host string `json:"host"`
	Text string `json:"text"`
	// Begin is when it came into force, and End when it was healed; nil if it
	// was in force until the lab ended.
	Begin Seconds  `json:"begin"`
	End   *Seconds `json:"end,omitempty"`
	// Hits is the number of packets that it dropped.
	Hits uint64 `json:"hits"`
}

// Interval is a stretch of time from Min to Max, both ends included.
type Interval struct {
	Min Seconds `json:"min"`
	Max Seconds `json:"max"`
}

// Seconds is a duration, or a moment counted from when the lab was built; in
// JSON it is a number of seconds, to the microsecond.
type Seconds time.Duration

// Duration is the same as the standard library's.
func (s Seconds) Duration() time.Duration { return time.Duration(s) }

// MarshalJSON writes the seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(math.Round(time.Duration(s).Seconds()*1e6) / 1e6)
}

// UnmarshalJSON reads them, up to 1e9 (31 years), which a float64 holds to the
// microsecond.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	const most = 1e9
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return fmt.Errorf("reading seconds: %w", err)
	}
	if math.Abs(seconds) > most {
		return fmt.Errorf("reading seconds: %v is out of range", seconds)
	}
	*s = Seconds(math.Round(seconds*1e6)) * Seconds(time.Microsecond)
	return nil
}
