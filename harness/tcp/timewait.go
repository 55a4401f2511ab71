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
	if length := m.Settings.FinTimeout; length != timeWaitLen {
		w.Rivals = append(w.Rivals, m.waiting(fmt.Sprintf("tcp_fin_timeout=%d taken for the length of TIME_WAIT", length/time.Second), length))
	}
}
