// Package tcp predicts when Linux ends a TCP connection.
//
// A [Model] is told the sysctls, the tick rate, the release and what is special
// about one socket, and computes the [Window] in which a timer must remove the
// socket from a state: not earlier, not later, or never. It knows every state
// of RFC 9293 but LISTEN and CLOSED, with and without an owner, and what may
// hold the socket in it ([Hold]).
//
//	model := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
//	model.Settings.OrphanRetries = 2
//	window := model.Window(tcp.Ending{State: tcp.FinWait1}, model.IdleSocket())
//	fmt.Println(window) // 3.264 to 3.368 s
//
// The window explains itself ([Window.Explain]), says by which counters of the
// kernel its possible ends are told apart ([Outcome]) and what the owner is told
// ([Errors]), and names its rivals, the windows that a plausible mistake would
// give.
//
// The package is pure: it reads no file and no clock, and runs anywhere.
//
// Formulas were read in Linux 5.10 to 7.3 and checked against the measurements
// in testdata/measured.csv (Linux 6.18, HZ 250); each names the kernel function
// that it follows.
package tcp
