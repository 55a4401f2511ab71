package harness

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// A story is what was done in a lab besides its faults: calls, injections.
type story struct {
	mu    sync.Mutex
	notes []event
}

// An event is something that was done to a host.
type event struct {
	at   time.Time
	host *Host
	text string
	// call marks a call of the application.
	call bool
}

func (s *story) note(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, e)
}

// tell is the whole story: what was seen on both hosts, on one time axis, the
// faults, the verdicts with their windows, and what the prediction rests on.
func (lab *Lab) tell() string { return lab.told(lab.record()) }

// told is the story that a record tells, which may be incomplete for an error.
func (lab *Lab) told(record report.Lab, err error) string {
	var b strings.Builder
	if err != nil {
		fmt.Fprintf(&b, "%10s%v\n", "", err)
	}
	b.WriteString(report.Timeline(record))
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
	for _, host := range lab.hosts() {
		if change := host.settingsChanged(); change != "" {
			fmt.Fprintf(&b, "%10s%s\n", "", change)
		}
	}
	if noise := describeNoise(record.Noise); noise != "" {
		fmt.Fprintf(&b, "%10s%s\n", "", noise)
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

// notable is the lateness from which on it is worth a line.
const notable = 25 * time.Millisecond

// address is that of the host's end of its first connection.
func (lab *Lab) address(h *Host) string {
	for _, conn := range lab.connections() {
		if conn.host == h {
			return conn.local.String()
		}
	}
	return h.addrs[lab.Family].Addr().String()
}

// clock is a moment as the timeline writes it.
func clock(at, since time.Time) string { return fmt.Sprintf("%.3f s", at.Sub(since).Seconds()) }
