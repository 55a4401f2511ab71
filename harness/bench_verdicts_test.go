package harness

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Benchmark500Verdicts has 500 labs at once, with a connection each, holds
// FIN_WAIT_1 in half of them and FIN_WAIT_2 in the others, and judges every end:
// one that is not reaped in its window fails it. It also tells what memory and how
// many descriptors a lab takes; the memory is what the whole machine has less of.
func Benchmark500Verdicts(b *testing.B) {
	requireLab(b)
	const labs = 500
	for b.Loop() {
		settle(b)
		crowd := crowd{make([]*Lab, labs), make([]*Conn, labs)}
		free, descriptors := freeMemory(b), openDescriptors(b)
		crowd.each(b, func(t testing.TB, i int) { crowd.open(t, i) })
		b.ReportMetric(float64(openDescriptors(b)-descriptors)/labs, "descriptors/lab")
		b.ReportMetric(float64(free-freeMemory(b))/labs, "kB/lab")
		inconclusive := crowd.each(b, func(t testing.TB, i int) { crowd.judge(t, i) })
		b.ReportMetric(float64(inconclusive), "inconclusive")
		crowd.each(b, func(t testing.TB, i int) { require.NoError(t, crowd.labs[i].close()) })
	}
	b.ReportMetric(labs, "labs")
}

// A crowd is labs that live at the same time.
type crowd struct {
	labs    []*Lab
	clients []*Conn
}

// ends alternates the states in pairs, so that each comes in both families.
func (c *crowd) ends(i int) (tcp.State, Sysctls) {
	if i%4 < 2 {
		return tcp.FinWait1, Sysctls{"tcp_orphan_retries": 1}
	}
	return tcp.FinWait2, Sysctls{"tcp_fin_timeout": 3}
}

// open builds a lab and connects, when the lab is admitted.
func (c *crowd) open(t testing.TB, i int) {
	state, sysctls := c.ends(i)
	require.NoError(t, admission.wait(0))
	lab, err := newLab(Case{Sysctls: sysctls, Ends: tcp.Ending{State: state}}, []Family{IPv4, IPv6}[i%2], DefaultWatch)
	require.NoError(t, err)
	c.labs[i] = lab
	c.clients[i], _ = lab.Connect(t)
}

// judge holds the state and awaits its end.
func (c *crowd) judge(t testing.TB, i int) {
	state, _ := c.ends(i)
	client := c.clients[i]
	require.NoError(t, admission.wait(0))
	if state == tcp.FinWait1 {
		c.labs[i].Server.Freeze(t)
	}
	require.NoError(t, client.Close())
	client.Expect(t, state)
	client.ExpectReaped(t)
	c.labs[i].requireHits(t)
	require.Len(t, c.labs[i].verdicts, 1)
	assert.Equal(t, reaped, c.labs[i].verdicts[0].outcome)
}

// each runs f for all labs at once and waits. What f says fails the benchmark, but
// for a verdict that is inconclusive: those are counted.
func (c *crowd) each(b *testing.B, f func(t testing.TB, i int)) (undecided int) {
	b.Helper()
	says := make([]string, len(c.labs))
	var all sync.WaitGroup
	for i := range c.labs {
		all.Go(func() { says[i] = failing(b, func(t testing.TB) { f(t, i) }) })
	}
	all.Wait()
	for i, text := range says {
		switch lab := c.labs[i]; {
		case text == "":
		case lab != nil && len(lab.verdicts) == 1 && lab.verdicts[0].outcome == inconclusive:
			undecided++
			b.Log(text)
		default:
			b.Errorf("lab %d: %s", i, text)
		}
	}
	if b.Failed() {
		b.FailNow()
	}
	return undecided
}

// freeMemory is MemAvailable, in kB.
func freeMemory(b *testing.B) (kB int) {
	b.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	require.NoError(b, err)
	_, rest, _ := bytes.Cut(text, []byte("MemAvailable:"))
	_, err = fmt.Sscan(string(rest), &kB)
	require.NoError(b, err)
	return kB
}

func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
