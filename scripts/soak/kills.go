package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long a run may take to end when a part of it was broken.
	patience = time.Minute
	// settling is how long what a run leaves behind may take to go, once nothing is
	// compiled any more. A run that went on by itself would take longer.
	settling = 4 * time.Second
	// testsAtOnce are how many test functions a run has, so that a kill comes in
	// the middle and the rest does not take long.
	testsAtOnce = 5
)

// A tally is what became of a victim.
type tally struct{ kills, missed, left int }

// kills ends runs until time is up, every victim equally often.
func (s *soak) kills(ctx context.Context, until time.Time) error {
	tallies := map[string]*tally{}
	for _, v := range victims {
		tallies[v.name] = &tally{}
	}
	defer printKills(tallies)
	for time.Now().Before(until) {
		for _, i := range s.random.Perm(len(victims)) {
			if time.Now().After(until) {
				break
			}
			if err := s.cycle(ctx, victims[i], tallies[victims[i].name]); err != nil {
				return fmt.Errorf("%s: %w", victims[i].name, err)
			}
		}
	}
	return nil
}

// printKills prints the table.
func printKills(tallies map[string]*tally) {
	var all tally
	fmt.Printf("\n%-50s %6s %6s %6s\n", "victim", "kills", "missed", "left")
	for _, v := range victims {
		t := tallies[v.name]
		fmt.Printf("%-50s %6d %6d %6d\n", v.name, t.kills, t.missed, t.left)
		all.kills, all.missed, all.left = all.kills+t.kills, all.missed+t.missed, all.left+t.left
	}
	fmt.Printf("%-50s %6d %6d %6d\n", "all", all.kills, all.missed, all.left)
	fmt.Println("missed: the run had ended before, or nothing ran out. Not seen: a namespace that the kernel keeps for an orphan, for 109 s at the most.")
}

// cycle begins the runs of a victim, strikes, and compares the host before and
// after.
func (s *soak) cycle(ctx context.Context, v victim, t *tally) error {
	before, err := s.look()
	if err != nil {
		return err
	}
	var runs []*run
	var strikes sync.WaitGroup
	hits := make([]bool, max(1, v.copies))
	errs := make([]error, len(hits))
	for i := range hits {
		dir, args := v.begin(s, s.someTests(v.tests))
		r, err := s.start(dir, args...)
		if err != nil {
			return err
		}
		runs = append(runs, r)
		m := s.someMoment(v.early)
		strikes.Go(func() { hits[i], errs[i] = v.strike(ctx, s, r, m) })
	}
	strikes.Wait()
	for _, r := range runs {
		errs = append(errs, r.end(ctx, patience))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	left, err := s.settle(ctx, before, runs)
	t.count(hits, len(left) > 0)
	for _, line := range left {
		s.fault("%s: left %s", v.name, line)
	}
	return errors.Join(err, s.tidy(runs))
}

func (t *tally) count(hits []bool, left bool) {
	for _, hit := range hits {
		if hit {
			t.kills++
		} else {
			t.missed++
		}
	}
	if left {
		t.left++
	}
}

// someTests is a pattern that matches a few of the tests.
func (s *soak) someTests(from []string) string {
	if len(from) == 0 {
		from = s.tests
	}
	var names []string
	for _, i := range s.random.Perm(len(from))[:min(testsAtOnce, len(from))] {
		names = append(names, from[i])
	}
	return strings.Join(names, "|")
}

// someMoment is in one of four cases while the run starts.
func (s *soak) someMoment(early bool) moment {
	m := moment{fromStart: s.random.IntN(4) == 0}
	m.after = time.Duration(s.random.Int64N(int64(2 * time.Second)))
	switch {
	case early:
		m.after /= 20
	case m.fromStart:
		m.after /= 4
	}
	return m
}

// settle waits until no process of the runs is left and the host is as before,
// and lists what still is otherwise when time is up. That is killed, so that it is
// not found again.
func (s *soak) settle(ctx context.Context, before host, runs []*run) ([]string, error) {
	end, limit := time.Now().Add(settling), time.Now().Add(patience)
	pace := time.NewTicker(lookPace)
	defer pace.Stop()
	for {
		if err := reap(runs); err != nil {
			return nil, err
		}
		processes, err := descendants()
		if err != nil {
			return nil, err
		}
		left, err := s.left(before, processes)
		if err != nil || len(left) == 0 {
			return nil, err
		}
		now := time.Now()
		if now.Before(limit) && slices.ContainsFunc(processes, process.compiles) {
			end = now.Add(settling)
		}
		if now.After(end) || ctx.Err() != nil {
			return left, errors.Join(ctx.Err(), killDescendants())
		}
		<-pace.C
	}
}

// compiles reports whether the process is one of Go's tools, with which go test still
// compiles what will refuse to run, since its caller is gone.
func (p process) compiles() bool { return len(p.args) > 0 && strings.Contains(p.args[0], "/pkg/tool/") }

// left lists processes of the runs, and what is other than before.
func (s *soak) left(before host, processes []process) ([]string, error) {
	var lines []string
	for _, p := range processes {
		lines = append(lines, p.String()+namespaceOf(p.pid))
	}
	now, err := s.look()
	if err != nil {
		return nil, err
	}
	return append(lines, before.differs(now)...), nil
}

// namespaceOf says which network namespace a process holds, if it is not ours.
func namespaceOf(pid int) string {
	home, _ := os.Readlink("/proc/self/ns/net")
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil || its == home {
		return ""
	}
	return ", in network namespace " + its
}

func killDescendants() error {
	all, err := descendants()
	for _, p := range all {
		_, killErr := signalled(p.pid, unix.SIGKILL)
		err = errors.Join(err, killErr)
	}
	return err
}

// tidy removes what the runs have printed, and Go's build directories.
func (s *soak) tidy(runs []*run) error {
	var errs []error
	for _, r := range runs {
		errs = append(errs, os.Remove(r.log))
	}
	dirs, err := filepath.Glob(filepath.Join(s.temporary, "go-build*"))
	for _, dir := range dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(append(errs, err)...)
}
