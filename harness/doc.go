// Package harness puts a TCP connection between two hosts, breaks the wire, and
// judges when the kernel ends the sockets.
//
// A case declares its sysctls and how it ends, and says what happens:
//
//	func TestFinWait1Reaped(t *testing.T) {
//		harness.Run(t, harness.Case{
//			Name:    "server frozen",
//			Sysctls: harness.Sysctls{"tcp_orphan_retries": 2},
//			Ends:    tcp.Ending{State: tcp.FinWait1},
//		}, func(t *testing.T, lab *harness.Lab) {
//			client, _ := lab.Connect(t)
//			lab.Server.Freeze(t)
//
//			if err := client.Close(); err != nil {
//				t.Fatal(err)
//			}
//
//			client.Expect(t, tcp.FinWait1)
//			client.ExpectReaped(t)
//		})
//	}
//
// # The life of a lab
//
// [Run] builds a [Lab] for each family: two unnamed network namespaces, a veth
// pair, the sysctls. [Lab.Connect] opens a connection and has both of its
// sockets watched, by asking sock_diag for exactly this one, often where
// something is due and seldom where not. [Host.Freeze] drops what goes in and
// out of a host; [Host.LinkDown], [Host.Inject] and [Host.Command] are for what
// a freeze cannot do. At the end a fault that dropped nothing fails the case,
// the wire is healed, and what is left is aborted.
//
// Sockets that are made otherwise come from [Host.Listen], [Host.Dial] and
// [Lab.ConnectAs]; [Host.Watch] follows one that is not the test's.
//
// # How it judges
//
// What was seen is an interval: the last moment at which the state was seen and
// the first at which it was gone. A verdict fails only if the whole interval
// lies outside the window that package tcp computes from the settings, HZ and
// the connection's own retransmission timeout; a stalled observer widens the
// interval and cannot raise a false alarm. Where the interval reaches into the
// window of a rival explanation as well, the verdict is "inconclusive", which
// is no pass. How late timers fired on this machine is measured, and allowed for
// at the timers that it concerns. The schedule of retransmissions and the
// deadlines that the kernel armed are second witnesses, and the only ones of a
// case that is cut short.
//
// Where a lab has one connection, the counters of its host must have moved by
// exactly what the predicted end moves (of FIN_WAIT_2 and TIME_WAIT those that it
// is known by), and the application must have been told what package tcp says.
package harness
