package cases

import (
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// TIME_WAIT is where the connection was closed first, for 60 s, be that the
// client or the server. The other side is gone at once.
func TestTimeWaitSide(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "on the side of the active closer alone",
		Sysctls:  harness.Sysctls{"tcp_fin_timeout": 30},
		Variants: []harness.Variant{{Name: "client closes first"}, {Name: "server closes first"}},
		Ends:     tcp.Ending{State: tcp.TimeWait},
	}, func(t *testing.T, lab *harness.Lab) {
		active, passive := lab.Connect(t)
		if lab.Variant == "server closes first" {
			active, passive = passive, active
		}
		require.NoError(t, active.Close())
		passive.Expect(t, tcp.CloseWait)

		require.NoError(t, passive.Close())

		passive.Expect(t, tcp.Gone)
		passive.ExpectNotHeld(t, tcp.TimeWait)
		active.Expect(t, tcp.TimeWait)
		active.ExpectReaped(t)
	})
}
