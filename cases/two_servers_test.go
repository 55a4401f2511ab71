package cases

import (
	"syscall"
	"testing"

	"github.com/finwait/finwait/harness"
	"github.com/stretchr/testify/require"
)

// Two servers share a port if their addresses differ, or if both ask for it
// with SO_REUSEPORT.
func TestTwoServersOnOnePort(t *testing.T) {
	harness.Run(t, harness.Case{
		Name: "two servers listen on one port",
		Variants: []harness.Variant{
			{Name: "different addresses"}, {Name: "same address"}, {Name: "same address, SO_REUSEADDR"}, {Name: "same address, SO_REUSEPORT"},
		},
	}, func(t *testing.T, lab *harness.Lab) {
		first := harness.Endpoint{Port: 6000}
		first.ReuseAddr = lab.Variant == "same address, SO_REUSEADDR"
		first.ReusePort = lab.Variant == "same address, SO_REUSEPORT"
		second := first
		if lab.Variant == "different addresses" {
			second.Addr = loopback(lab)
		}
		_, err := lab.Server.Listen(first)
		require.NoError(t, err)

		_, err = lab.Server.Listen(second)

		if second.Addr.IsValid() || second.ReusePort {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
		}
	})
}
