package harness

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/coreos/go-iptables/iptables"
	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What the kernel says of the counters is what the program says, rule by rule, and
// healing takes out the fault that was meant: also one of two that are alike. With the
// legacy variant it is the program that is asked both times.
func TestDropped(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.FinWait1, nil)
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
}

// IPv6 has a table of its own.
func TestDroppedOfIPv6(t *testing.T) {
	t.Parallel()
	requireLab(t)
	requireCase(t, &report.Lab{}, IPv6, Case{}.Needs)
	lab, err := newLab(Case{Ends: tcp.Ending{State: tcp.FinWait1}}, IPv6, time.Minute)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lab.close()) })
	client, _ := lab.Connect(t)
	lab.Server.Freeze(t)
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)
	assert.NotZero(t, requireAgreement(t, lab.Server.chain, 1)[0])
}

// requireAgreement has both ways to count tell the same, once nothing is dropped in
// between.
func requireAgreement(t *testing.T, c *chain, rules int) []uint64 {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; {
		before, err := c.dropped()
		require.NoError(t, err)
		var counts []uint64
		require.NoError(t, c.do(func(tables *iptables.IPTables) (err error) {
			counts, err = countedByIptables(tables)
			return err
		}))
		after, err := c.dropped()
		require.NoError(t, err)
		if assert.ObjectsAreEqual(before, after) {
			require.Equal(t, after, counts)
			require.Len(t, counts, rules)
			return counts
		}
	}
	t.Fatal("something is dropped all the time")
	return nil
}

// A rule behind the last fault's, of an iptables that did what it was told and was killed,
// keeps no fault from being counted and healed; one that is missing is an error, and keeps
// none from being healed.
func TestDroppedByOtherRules(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, _ := lab.Connect(t)
	in, out := lab.Server.Freeze(t, In), lab.Server.Freeze(t, Out)
	chain := lab.Server.chain
	chain.faults = []*Fault{in}
	require.NoError(t, client.Close())
	client.Expect(t, tcp.FinWait1)
	hits, err := in.count()
	require.NoError(t, err)
	assert.NotZero(t, hits)

	chain.faults = []*Fault{in, out, in}
	_, err = chain.hits(&Fault{})
	require.ErrorContains(t, err, "FINWAIT has 2 rules, and that of the fault is none of them")
	chain.faults = []*Fault{nil, nil, in}
	require.Error(t, in.heal())
	chain.faults = []*Fault{in, out}
	for _, fault := range lab.faults {
		require.NoError(t, fault.heal())
	}
	assert.Empty(t, chain.faults)
}

// The counter of a rule is found among what else it says, and a rule that cannot be read is
// an error, not one that has dropped nothing.
func TestRuleCount(t *testing.T) {
	t.Parallel()
	packets := nl.NewRtAttr(unix.NFTA_COUNTER_PACKETS, binary.BigEndian.AppendUint64(nil, 1<<40+7))
	rule := func(name string, data ...nl.NetlinkRequestData) []byte {
		expressions := nl.NewRtAttr(unix.NFTA_RULE_EXPRESSIONS|int(nl.NLA_F_NESTED), nil)
		for _, expression := range []string{"meta", name} {
			element := expressions.AddRtAttr(unix.NFTA_LIST_ELEM, nil)
			element.AddRtAttr(unix.NFTA_EXPR_NAME, nl.ZeroTerminated(expression))
			inner := element.AddRtAttr(unix.NFTA_EXPR_DATA, nil)
			for _, d := range data {
				inner.AddChild(d)
			}
		}
		return append(make([]byte, nl.SizeofNfgenmsg), expressions.Serialize()...)
	}
	count, err := ruleCount(rule("counter", packets))
	require.NoError(t, err)
	assert.Equal(t, uint64(1<<40+7), count)
	for _, wrong := range [][]byte{
		nil, make([]byte, nl.SizeofNfgenmsg), rule("counter"), rule("cmp", packets), rule("counter", packets)[:40],
		rule("counter", nl.NewRtAttr(unix.NFTA_COUNTER_PACKETS, []byte{1})),
	} {
		_, err := ruleCount(wrong)
		assert.Error(t, err)
	}
}
