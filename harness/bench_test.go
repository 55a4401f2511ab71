package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What it costs to watch and capture 60 labs at once that hold FIN_WAIT_1, in
// percent of one processor; 10 is too much. An iteration is 20 seconds,
// for the timers of an orphan are closest together in the first. The same in CPU
// seconds for each minute that a lab waits is cpu-s/lab-min.
func BenchmarkWatching60Labs(b *testing.B) {
	requireLab(b)
	const labs, most = 60, 10
	for range labs {
		client, _ := benchLab(b).Connect(b)
		client.host.lab.Server.Freeze(b)
		require.NoError(b, client.Close())
		client.Expect(b, tcp.FinWait1)
	}
	spent, began := processorTime(b), time.Now()
	for b.Loop() {
		<-time.After(20 * time.Second)
	}
	share := 100 * (processorTime(b) - spent).Seconds() / time.Since(began).Seconds()
	b.ReportMetric(share, "%core")
	b.ReportMetric(share/100*60/labs, "cpu-s/lab-min")
	b.ReportMetric(0, "ns/op")
	if share >= most {
		b.Errorf("%.1f %% of a processor, %d are allowed", share, most)
	}
}

// benchLab is a lab that ends with the benchmark.
func benchLab(b *testing.B) *Lab {
	b.Helper()
	lab, err := newLab(Case{Ends: tcp.Ending{State: tcp.FinWait1}}, IPv4, DefaultWatch)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, lab.close()) })
	return lab
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkProbe is one look at a socket.
func BenchmarkProbe(b *testing.B) {
	requireLab(b)
	client, _ := benchLab(b).Connect(b)
	diag := client.host.newDiag(client.local, client.remote)
	for b.Loop() {
		seen, err := diag.look()
		if err != nil || seen.state != tcp.Established {
			b.Fatal(seen.state, err)
		}
	}
}

// BenchmarkFreeze is how long a freeze takes: the first of a host, which also
// makes the chain that it goes into, and another.
func BenchmarkFreeze(b *testing.B) {
	requireLab(b)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			lab := benchLab(b)
			b.StartTimer()
			lab.Server.Freeze(b)
		}
	})
	b.Run("again", func(b *testing.B) {
		host := benchLab(b).Server
		host.Freeze(b).Heal(b)
		for b.Loop() {
			fault := host.Freeze(b)
			b.StopTimer()
			fault.Heal(b)
			b.StartTimer()
		}
	})
}

// BenchmarkHeal is how long it takes to count what a freeze dropped and to end it.
func BenchmarkHeal(b *testing.B) {
	requireLab(b)
	host := benchLab(b).Server
	for b.Loop() {
		b.StopTimer()
		fault := host.Freeze(b)
		b.StartTimer()
		fault.Heal(b)
	}
}

// BenchmarkLabs builds many labs at once, and closes them.
func BenchmarkLabs(b *testing.B) {
	requireLab(b)
	for _, labs := range []int{50, 500} {
		b.Run(fmt.Sprint(labs), func(b *testing.B) {
			var up, down time.Duration
			for b.Loop() {
				pairs := make([]pair, labs)
				up += timed(b, labs, func(i int) (err error) {
					pairs[i], err = labUp()
					return err
				})
				down += timed(b, labs, func(i int) error { return pairs[i].down() })
				b.StopTimer()
				settle(b)
				b.StartTimer()
			}
			all := float64(labs * b.N)
			b.ReportMetric(float64(up.Nanoseconds())/all, "up-ns/lab")
			b.ReportMetric(float64(down.Nanoseconds())/all, "down-ns/lab")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timed runs f so many times at once, and returns how long all of them took.
func timed(b *testing.B, times int, f func(i int) error) time.Duration {
	b.Helper()
	begin := time.Now()
	results := make(chan error)
	for i := range times {
		go func() { results <- f(i) }()
	}
	for range times {
		if err := <-results; err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}
