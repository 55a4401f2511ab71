package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A pressure is something that the machine, or the run, is put under.
type pressure struct {
	name string
	// args are those of the test binary.
	args []string
	// begin starts it, for the run with the process id, until ctx is done; nil for
	// what the arguments do. It returns when it has ended.
	begin func(ctx context.Context, random *rand.Rand, pid int) error
}

var pressures = []pressure{
	{name: "idle"},
	{name: "processors busy", begin: keepBusy},
	{name: "stopped at random", begin: stopAtRandom},
	{name: "memory short", begin: takeMemory},
	{name: "200 at once", args: []string{"-test.parallel=200"}},
}

// inTurn does what is done under each pressure in turn until time is up, each at
// least once.
func inTurn(until time.Time, do func(i int, p pressure) error) error {
	for round := 0; round == 0 || time.Now().Before(until); round++ {
		for i, p := range pressures {
			if round > 0 && time.Now().After(until) {
				break
			}
			if err := do(i, p); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// runPatience is how long a run of compiled tests may take under any pressure.
const runPatience = 4 * time.Minute

// under starts a run, puts it under the pressure, and waits for its end; endErr
// says that this had to be forced.
func (s *soak) under(ctx context.Context, p pressure, dir string, args ...string) (r *run, endErr, err error) {
	if r, err = s.start(dir, args...); err != nil {
		return nil, nil, err
	}
	release := p.apply(ctx, s.random, r)
	endErr = r.end(ctx, runPatience)
	return r, endErr, errors.Join(ctx.Err(), release())
}

// apply puts a run under the pressure until release is called.
func (p pressure) apply(ctx context.Context, random *rand.Rand, r *run) (release func() error) {
	if p.begin == nil {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.begin(ctx, random, r.command.Process.Pid) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// keepBusy keeps every processor busy.
func keepBusy(ctx context.Context, _ *rand.Rand, _ int) error {
	runtime.GOMAXPROCS(2 * runtime.NumCPU()) // one of each pair is for the rest of this program
	var spinning sync.WaitGroup
	for range runtime.NumCPU() {
		spinning.Go(func() {
			for ctx.Err() == nil {
			}
		})
	}
	spinning.Wait()
	return nil
}

// longestStop is how long the run is stopped at the most.
const longestStop = time.Second

// stopAtRandom stops the test binary, not its programs, and lets it go on.
func stopAtRandom(ctx context.Context, random *rand.Rand, pid int) error {
	for {
		if !pause(ctx, time.Duration(random.Int64N(int64(2*longestStop)))) {
			return nil
		}
		stopped, err := signalled(pid, unix.SIGSTOP)
		if !stopped || err != nil {
			return err
		}
		pause(ctx, time.Duration(random.Int64N(int64(longestStop))))
		if _, err := signalled(pid, unix.SIGCONT); err != nil {
			return err
		}
	}
}

// pause reports whether it was not broken off.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// takeMemory holds half of what is available, and touches every page of it again
// and again.
func takeMemory(ctx context.Context, _ *rand.Rand, _ int) (err error) {
	available, err := availableMemory()
	if err != nil {
		return err
	}
	memory, err := unix.Mmap(-1, 0, available/2, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("taking memory: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Munmap(memory)) }()
	for {
		for at := 0; at < len(memory); at += os.Getpagesize() {
			memory[at]++
			if at>>12%1024 == 0 && ctx.Err() != nil {
				return nil
			}
		}
	}
}

// availableMemory is what could be had without swapping, in bytes.
func availableMemory() (int, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "MemAvailable:")
	var kilobytes int
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		return 0, fmt.Errorf("reading what memory is available: %w", err)
	}
	return kilobytes << 10, nil
}
