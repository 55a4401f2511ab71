package netns

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// Labs that are closed are gone. A namespace without a name cannot be listed,
// so each gets a link whose other end stays in a witness: the kernel removes
// the witness's end when the namespace at the other end really dies.
func TestClosedNamespacesLeaveNothing(t *testing.T) {
	requireNamespaces(t)
	witness := newNamespace(t)
	route := library(t, witness)
	newPair(t) // whatever the first use allocates for good is allocated
	descriptors, threads := count(t, "/proc/self/fd"), count(t, "/proc/self/task")

	const labs = 500
	for i := range labs {
		a, b := newPair(t)
		for n, ns := range []*Namespace{a, b} {
			require.NoError(t, route.LinkAdd(&netlink.Veth{
				LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("w%d-%d", i, n)},
				PeerName:      "witness",
				PeerNamespace: netlink.NsFd(ns.handle),
			}))
		}
		require.NoError(t, a.Close())
		require.NoError(t, b.Close())
	}

	assert.Equal(t, descriptors, count(t, "/proc/self/fd"), "descriptors")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		links, err := route.LinkList()
		require.NoError(c, err)
		assert.Len(c, links, 1, "namespaces: the witness should be left with its loopback link alone")
		assert.LessOrEqual(c, count(t, "/proc/self/task"), threads+1, "threads: the scheduler may have added one")
	}, 30*time.Second, 50*time.Millisecond)
}

func count(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(entries)
}
