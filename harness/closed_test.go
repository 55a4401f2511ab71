package harness

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/finwait/finwait/netns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A closed lab refuses everything, and none of it happens in the namespace of
// the machine instead.
func TestClosedLabRefusesEverything(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, server, err := lab.connect(Endpoint{}, Endpoint{})
	require.NoError(t, err)
	require.NoError(t, lab.close())
	host, other := lab.Client, lab.Server
	before := machine(t)

	for name, call := range map[string]func() error{
		"Connect":   func() error { _, _, err := lab.connect(Endpoint{}, Endpoint{}); return err },
		"Command":   host.Command("sleep", "60").Run,
		"Dial":      func() error { _, err := host.Dial(netip.AddrPortFrom(other.Addr(), 6000), Endpoint{}); return err },
		"Freeze":    func() error { _, err := host.freeze(nil); return err },
		"Listen":    func() error { _, err := host.Listen(Endpoint{}); return err },
		"LinkDown":  host.ns.LinkDown,
		"SetSysctl": func() error { return host.write(Sysctls{"tcp_fin_timeout": 7}) },
		"Watch":     func() error { _, err := host.newDiag(client.local, client.remote).look(); return err },
		"Capture":   func() error { _, err := host.packetSocket(unix.ETH_P_ALL); return err },
		"sockets":   func() error { _, err := host.dumpSockets(); return err },
		"Inject": func() error {
			return host.inject(Segment{From: server.local, To: client.local, Flags: RST})
		},
	} {
		err := call()
		require.ErrorIs(t, err, netns.ErrClosed, name)
		assert.ErrorContains(t, err, "network namespace is closed", name)
	}
	for _, conn := range []*Conn{client, server} {
		_, err := conn.Write([]byte{1})
		assert.ErrorIs(t, err, net.ErrClosed)
	}
	assert.Equal(t, before, machine(t))
}

// machine is what of the machine's own namespace a lab could have changed: the
// sysctl that is set above, the links, and who captures.
func machine(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, path := range []string{ownSysctl + "tcp_fin_timeout", "/proc/net/dev_snmp6", "/proc/net/ptype"} {
		if entries, err := os.ReadDir(path); err == nil {
			for _, entry := range entries {
				out = append(out, path+"/"+entry.Name())
			}
			continue
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		out = append(out, string(content))
	}
	return out
}
