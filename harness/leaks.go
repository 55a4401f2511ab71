package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

const (
	// leakPatience is how long what ends by itself may take to do so: goroutines
	// that were told to, threads that left a namespace, the pause of admission.
	leakPatience = 5 * time.Second
	// leakPace is how often is looked meanwhile: nothing tells when a thread ends.
	leakPace = 20 * time.Millisecond
)

// A leakCheck compares the process with what it was before the first lab.
type leakCheck struct {
	before  possessions
	threads int
}

// newLeakCheck looks at the process. What it keeps by design, once and for its
// life, is made before: the probes of overshoot, the socket that has segments
// stamped, the lock of iptables, and with
// its first program what Go's runtime polls with. That these cannot be made is
// told by missing, which asks for the same.
func newLeakCheck() (*leakCheck, error) {
	if errors.Join(probeOvershoot(), stampSegments()) == nil {
		_, _ = findTools()
	}
	before, err := look()
	if err != nil {
		return nil, err
	}
	threads, err := countThreads()
	return &leakCheck{before, threads}, err
}

// left lists what is held that was not before the first lab.
func (c *leakCheck) left() ([]string, error) {
	now, err := look()
	if err != nil {
		return nil, err
	}
	if left := c.before.newIn(now); len(left) > 0 {
		return left, nil
	}
	return c.surplus()
}

// awaitNone waits until the list is empty, and is what it was when time was up.
func awaitNone(list func() ([]string, error), patience time.Duration) ([]string, error) {
	deadline := time.Now().Add(patience)
	pace := time.NewTicker(leakPace)
	defer pace.Stop()
	for {
		left, err := list()
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
		<-pace.C
	}
}

// end tells what is left, and turns the exit code of the suite into a failure if
// anything is.
func (c *leakCheck) end(code int, patience time.Duration, out io.Writer) int {
	left, err := awaitNone(c.left, patience)
	switch {
	case err != nil:
		fmt.Fprintln(out, "finwait:", err)
	case len(left) > 0:
		fmt.Fprintf(out, "finwait: left behind, %s after the last test:\n  %s\n", tcp.Text(patience), strings.Join(left, "\n  "))
	default:
		return code
	}
	return max(code, 1)
}

// surplus tells of more threads than Go may keep idle. One that works does so
// for a goroutine, which is found as such; Go ends none that is idle, so that
// there are as many as once had to work at the same time: one for each P, and
// one in a system call for each lab.
func (c *leakCheck) surplus() ([]string, error) {
	now, err := countThreads()
	if most := c.threads + runtime.GOMAXPROCS(0) + parallel(); err == nil && now > most {
		return []string{fmt.Sprintf("%d threads, %d before the first lab: Go needs no more than %d", now, c.threads, most)}, nil
	}
	return nil, err
}

// countThreads is the number of threads of the process.
func countThreads() (int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, fmt.Errorf("counting threads: %w", err)
	}
	return len(tasks), nil
}
