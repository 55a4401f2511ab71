package tcp

import (
	"fmt"
	"time"
)

// timeWait is TIME_WAIT: a constant, whatever tcp_fin_timeout says
// (tcp_time_wait in net/ipv4/tcp_minisocks.c, Linux 5.10 to 7.3).
func (m Model) timeWait(w *Window) {
	w.Clock = PeerFIN
	w.Phases = []Phase{{Timer: TimerTimeWait, For: timeWaitLen}}
	w.Spans = m.sum(w.Phases)
	w.Why = "TCP_TIMEWAIT_LEN, a constant of the kernel"
	w.Calculation = phasesText(w.Phases) + "; tcp_fin_timeout plays no part"
	w.Source = "tcp_time_wait (net/ipv4/tcp_minisocks.c), " + releases
	w.Outcomes = []Outcome{{w.Spans[0], minisocket(timeWaitLen)}}
	if length, _ := m.finTime(Socket{RTO: m.IdleSocket().RTO}, w.Ending.Options); length <= timeWaitLen && length >= 0 {
		// An orphan's minisocket was counted when FIN_WAIT_2 armed it.
		w.Outcomes = append(w.Outcomes, Outcome{w.Spans[0], minisocket(length)})
	}
}

// timeWaitRivals are the mistakes about TIME_WAIT.
func (m Model) timeWaitRivals() []Rival {
	length := m.Settings.FinTimeout
	if length == timeWaitLen {
		return nil
	}
	return []Rival{m.waiting(fmt.Sprintf("tcp_fin_timeout=%d taken for the length of TIME_WAIT", length/time.Second), length)}
}
