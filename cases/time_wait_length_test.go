package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
)

// TIME_WAIT lasts 60 s, a constant of the kernel. tcp_fin_timeout, often taken
// for its length, changes nothing.
func TestTimeWaitLength(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "both closed",
		Variants: harness.Sweep("tcp_fin_timeout", 5, 120),
		Ends:     tcp.Ending{State: tcp.TimeWait},
	}, closeBoth)
}

func closeBoth(t *testing.T, lab *harness.Lab) {
	client, server := lab.Connect(t)
	closeInOrder(t, client, server)
	client.ExpectReaped(t)
}
