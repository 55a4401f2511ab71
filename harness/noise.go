package harness

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// userHZ is what /proc counts processor time in, whatever HZ is (USER_HZ, Linux
// 5.10 to 7.3, on every architecture that Go runs on).
const userHZ = 100

// stolenTime is what a hypervisor has given to others since the machine was
// booted, summed over the processors (proc(5), /proc/stat, the eighth number);
// zero where the kernel does not report it.
func stolenTime() (time.Duration, error) {
	stat, err := openKernelFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the stolen time: %w", err)
	}
	text, err := stat.begin(make([]byte, 512)) // the first line, and more
	if err := errors.Join(err, stat.close()); err != nil {
		return 0, fmt.Errorf("reading the stolen time: %w", err)
	}
	return parseStolen(text)
}

func parseStolen(stat string) (time.Duration, error) {
	const steal = 8
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) <= steal || fields[0] != "cpu" {
		return 0, fmt.Errorf("reading the stolen time: /proc/stat begins with %q", line)
	}
	const tick = time.Second / userHZ
	ticks, err := strconv.ParseInt(fields[steal], 10, 64)
	if err == nil && (ticks < 0 || ticks > int64(math.MaxInt64/tick)) {
		err = fmt.Errorf("%d ticks are out of range", ticks)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the stolen time: %w", err)
	}
	return time.Duration(ticks) * tick, nil
}

// noise is what kept the machine from being on time since the lab was built.
func (lab *Lab) noise() report.Noise {
	return noiseSince(lab.started, lab.stolenBefore)
}

func noiseSince(begin time.Time, stolenBefore time.Duration) report.Noise {
	noise := report.Noise{Overshoot: report.Seconds(overshoots.worst(begin, time.Now()))}
	if stolen, err := stolenTime(); err == nil {
		noise.Stolen = report.Seconds(stolen - stolenBefore)
	}
	return noise
}

// describeNoise is a line of what is notable; empty if nothing is.
func describeNoise(noise report.Noise) string {
	var parts []string
	if late := noise.Overshoot.Duration(); late >= notable {
		parts = append(parts, "this process was held up for up to "+tcp.Text(late.Round(time.Millisecond)))
	}
	if stolen := noise.Stolen.Duration(); stolen >= notable {
		parts = append(parts, "the hypervisor took "+tcp.Text(stolen)+" of the processors")
	}
	return strings.Join(parts, "; ")
}
