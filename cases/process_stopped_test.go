package cases

import (
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// A server whose program is stopped is no frozen server: the acknowledgement of
// the FIN is the kernel's, not the program's. The client comes to FIN_WAIT_2,
// and CLOSE_WAIT waits for the program.
func TestProcessStopped(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:    "the server's program is stopped (SIGSTOP), client closes",
		Sysctls: harness.Sysctls{"tcp_fin_timeout": 3},
		Ends:    tcp.Ending{State: tcp.FinWait2},
	}, func(t *testing.T, lab *harness.Lab) {
		served := connectToProgram(t, lab, "return")
		require.NoError(t, served.program.Signal(syscall.SIGSTOP))

		require.NoError(t, served.client.Close())

		served.client.Expect(t, tcp.FinWait2)
		served.client.ExpectNotHeld(t, tcp.FinWait1)
		served.server.ExpectStays(t, tcp.CloseWait, time.Second)
		served.client.ExpectReaped(t)
	})
}
