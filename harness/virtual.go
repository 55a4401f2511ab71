package harness

import "os"

// virtualTime reports whether the suite runs in a guest whose clock leaps over the
// time in which it has nothing to do; scripts/vmexec sets the variable. These
// things are different then:
//
//   - No probe of overshoot runs. Nobody takes the processor away, no other program
//     wants it, and a timer that is due while nothing runs fires on time: what can
//     be late is behind the guest's own work, and the watchers, which wake up close
//     to every deadline, are late by as much. A probe every few milliseconds would
//     be nearly all that happens in two hours of a timer.
//   - GOMAXPROCS stays at the number of processors, one. The time that a fork takes
//     is short, or none; and where a processor takes no time the kernel never takes it
//     from a thread that spins, as Go's sweeper does while another thread sweeps
//     (bgsweep in runtime/mgcsweep.go, Go 1.26), which would be for ever.
//   - Labs are admitted so slowly that each is built alone (admission.go).
//   - Watchers look where a deadline is, after actions and segments, and else seldom
//     (calendar.go).
//   - Both clocks are read once, not for each segment: nobody sets them (tap.go).
//   - No progress is told: hours of it would pass in a minute.
//
// Where time is real the variable only does harm: lateness that is not measured is
// not allowed for, and fails what was on time.
func virtualTime() bool { return os.Getenv("FINWAIT_VIRTUAL_TIME") != "" }
