package cases

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
)

// A RST with exactly the sequence number that is expected kills TIME_WAIT (RFC
// 1337, TIME-WAIT assassination), unless tcp_rfc1337 is set. One that is off by
// a few is ignored.
func TestResetInTimeWait(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "a RST comes to TIME_WAIT",
		Variants: []harness.Variant{
			{Name: "tcp_rfc1337=0", Sysctls: harness.Sysctls{"tcp_rfc1337": 0}},
			{Name: "tcp_rfc1337=1", Sysctls: harness.Sysctls{"tcp_rfc1337": 1}},
			{Name: "sequence number off by five", Sysctls: harness.Sysctls{"tcp_rfc1337": 0}},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		wire := lab.Client.Capture(t)
		client, server := lab.Connect(t)
		closeInOrder(t, client, server)
		fin := fins(harness.Sent(wire.Segments(t), lab.Server.Addr()))[0]
		reset := harness.Segment{From: fin.From, To: fin.To, Flags: harness.RST, Seq: fin.Seq + 1}
		if lab.Variant == "sequence number off by five" {
			reset.Seq += 5
		}

		lab.Client.Inject(t, reset)
		wire.Await(t, func(seen []harness.Segment) bool { return seen[len(seen)-1].Flags == harness.RST })

		if lab.Variant == "tcp_rfc1337=0" {
			client.Expect(t, tcp.Gone)
		} else {
			client.ExpectStays(t, tcp.TimeWait, time.Second)
		}
		lab.Client.ExpectCounters(t, tcp.Counters{"TW": 1})
		lab.Server.ExpectCounters(t, tcp.Counters{})
	})
}
