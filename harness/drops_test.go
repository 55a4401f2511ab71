package harness

import (
	"testing"

	"github.com/coreos/go-iptables/iptables"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the kernel says of the counters is what the program says, rule by rule, and
// healing takes out the fault that was meant: also one of two that are alike.
func TestDropped(t *testing.T) {
	t.Parallel()
	for _, family := range []Family{IPv4, IPv6} {
		lab, err := newLab(Case{Ends: tcp.Ending{State: tcp.FinWait1}}, family, 0)
		require.NoError(t, err)
		client, _ := lab.Connect(t)
		in := lab.Server.Freeze(t, In)
		again := lab.Server.Freeze(t, In) // hears nothing: the one before takes all
		probes := lab.Server.Freeze(t, Probes)
		require.NoError(t, client.Close())
		client.Expect(t, tcp.FinWait1)

		requireAgreement(t, lab.Server.chain, 3)
		hits, err := in.count()
		require.NoError(t, err)
		assert.NotZero(t, hits)
		again.Heal(t)
		assert.Zero(t, again.hits)
		assert.Equal(t, []*Fault{in, probes}, lab.Server.chain.faults)
		counts := requireAgreement(t, lab.Server.chain, 2)
		assert.NotZero(t, counts[0])
		require.NoError(t, lab.close())
	}
}

// requireAgreement has both ways to count tell the same, while nothing is dropped in
// between.
func requireAgreement(t *testing.T, c *chain, rules int) (counts []uint64) {
	t.Helper()
	require.Eventually(t, func() bool {
		before, err := c.dropped()
		require.NoError(t, err)
		require.NoError(t, c.do(func(tables *iptables.IPTables) (err error) {
			counts, err = countedByIptables(tables)
			return err
		}))
		after, err := c.dropped()
		require.NoError(t, err)
		if !assert.ObjectsAreEqual(before, after) {
			return false
		}
		require.Equal(t, after, counts)
		return true
	}, patience, 1)
	require.Len(t, counts, rules)
	return counts
}

// A rule that cannot be read is an error, not one that has dropped nothing.
func TestRuleCountOfNoRule(t *testing.T) {
	t.Parallel()
	for _, rule := range [][]byte{nil, make([]byte, 4), {2, 0, 0, 0, 8, 0, 4, 0, 4, 0, 1, 0}, {2, 0, 0, 0, 9, 0, 4, 0, 4}} {
		_, err := ruleCount(rule)
		assert.Error(t, err)
	}
}
