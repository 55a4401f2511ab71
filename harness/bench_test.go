package harness

import (
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What it costs to watch and capture 60 labs at once that hold FIN_WAIT_1, in
// percent of one processor; 10 is too much. An iteration is a second.
func BenchmarkWatching60Labs(b *testing.B) {
	requireLab(b)
	const most = 10
	for range 60 {
		lab, err := newLab(Case{Ends: tcp.Ending{State: tcp.FinWait1}}, IPv4, DefaultWatch)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, lab.close()) })
		client, _ := lab.Connect(b)
		lab.Server.Freeze(b)
		require.NoError(b, client.Close())
		client.Expect(b, tcp.FinWait1)
	}
	spent, began := processorTime(b), time.Now()
	for b.Loop() {
		<-time.After(time.Second)
	}
	share := 100 * (processorTime(b) - spent).Seconds() / time.Since(began).Seconds()
	b.ReportMetric(share, "%core")
	b.ReportMetric(0, "ns/op")
	if share >= most {
		b.Errorf("%.1f %% of a processor, %d are allowed", share, most)
	}
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
