package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/finwait/finwait/harness/tcp"
)

// causes are what differs between two runs of a lab that a window depends on.
func causes(before, now Run, was, is Lab) []string {
	out := settingsChanged(was, is)
	for _, end := range movedEnds(was, is, before.HZ == now.HZ) {
		if text := end.rtoChanged(); text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if before.HZ != now.HZ {
		out = append(out, fmt.Sprintf("HZ %d → %d", before.HZ, now.HZ))
	}
	if before.Kernel != now.Kernel {
		out = append(out, fmt.Sprintf("Linux %s → %s", before.Kernel, now.Kernel))
	}
	return out
}

// settingsChanged are the sysctls that differ, with the host where they do so on
// one alone.
func settingsChanged(was, is Lab) []string {
	var out []string
	hosts := map[string][]string{}
	for _, host := range was.Hosts {
		i := slices.IndexFunc(is.Hosts, func(h Host) bool { return h.Name == host.Name })
		if i < 0 {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(host.Settings)) {
			if value, found := is.Hosts[i].Settings[name]; found && value != host.Settings[name] {
				text := fmt.Sprintf("%s %d → %d", name, host.Settings[name], value)
				if hosts[text] == nil {
					out = append(out, text)
				}
				hosts[text] = append(hosts[text], host.Name)
			}
		}
	}
	for i, text := range out {
		if names := hosts[text]; len(names) < len(was.Hosts) {
			out[i] = text + " on the " + strings.Join(names, " and ")
		}
	}
	return out
}

// rtoChanged tells of a retransmission timeout that is not the same but for
// rounding.
func (e movedEnd) rtoChanged() string {
	if e.now == nil || e.before.RTO == 0 || e.now.RTO == 0 || len(e.before.Window) == 0 {
		return ""
	}
	if slight := len(e.before.expected(e.now.RTO)) > len(e.before.Window); slight {
		return ""
	}
	return fmt.Sprintf("retransmission timeout of the %s %s → %s", e.before.Host, tcp.Text(e.before.RTO.Duration()), tcp.Text(e.now.RTO.Duration()))
}
