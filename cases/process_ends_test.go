package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
)

// However a process ends, the kernel closes its descriptors: the client gets a
// FIN and reads to the end of file, and the server's half is an orphan in
// FIN_WAIT_2.
func TestProcessEnds(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "the server's process ends without closing",
		Variants: []harness.Variant{{Name: "return"}, {Name: "exit"}, {Name: "SIGTERM"}, {Name: "SIGKILL"}},
	}, func(t *testing.T, lab *harness.Lab) {
		served := connectToProgram(t, lab, lab.Variant)

		served.end(t, lab.Variant)

		served.client.Expect(t, tcp.CloseWait)
		served.server.Expect(t, tcp.FinWait2)
		data, err := served.client.ReadAll()
		require.NoError(t, err)
		require.Empty(t, data)
		lab.Server.ExpectMoved(t, tcp.Counters{"OutRsts": 0, "TCPAbortOnClose": 0})
	})
}

// With data unread it is a RST instead, as if the process had closed.
func TestProcessEndsWithUnreadData(t *testing.T) {
	harness.Run(t, harness.Case{
		Name:     "the server's process ends without reading what it has received",
		Variants: []harness.Variant{{Name: "return"}, {Name: "exit"}, {Name: "SIGTERM"}, {Name: "SIGKILL"}},
	}, func(t *testing.T, lab *harness.Lab) {
		served := connectToProgram(t, lab, lab.Variant)
		_, err := served.client.Write([]byte("never read"))
		require.NoError(t, err)
		served.client.ExpectAcknowledged(t)

		served.end(t, lab.Variant)

		served.client.Expect(t, tcp.Gone)
		_, err = served.client.ReadAll()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		lab.Server.ExpectCounters(t, tcp.Counters{"TCPAbortOnClose": 1, "OutRsts": 1, "EstabResets": 1})
	})
}

// end ends the program as the variant says.
func (s served) end(t *testing.T, how string) {
	t.Helper()
	switch how {
	case "SIGTERM":
		require.NoError(t, s.program.Signal(syscall.SIGTERM))
	case "SIGKILL":
		require.NoError(t, s.program.Signal(syscall.SIGKILL))
	default:
		require.NoError(t, s.stop())
	}
	err := s.program.Wait()
	switch how {
	case "SIGTERM":
		require.ErrorContains(t, err, "signal: terminated")
	case "SIGKILL":
		require.ErrorContains(t, err, "signal: killed")
	default:
		require.NoError(t, err)
	}
}
