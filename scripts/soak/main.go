// Soak tries to make finwait leave something behind, and to make it say what is
// not so. It has three parts:
//
//	kills     ends runs of the cases at random moments, by signals, time-outs and
//	          lack of descriptors and disk, and compares the host before and after
//	pressure  repeats the cases while the machine is busy, stopped, short of memory
//	          or crowded: whatever fails then is a false alarm
//	mistakes  repeats the harness's deliberate mistakes in the same way: none may pass
//
// Every choice at random follows from the seed, which is printed; what is met at
// the chosen moment does not. What has begun when time is up is brought to its end.
//
//	go run ./scripts/soak -for 2m
//	go run ./scripts/soak -part kills -seed 7
//
// It exits with 1 if something was left behind, if there was a false alarm, if more
// than one lab in a thousand was inconclusive on the idle machine, or if a mistake
// passed. It must be started in the root of the module; without privileges it gets
// them as the cases do, by scripts/privileged.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A part is done until its share of the time is over.
type part struct {
	name  string
	share int // in percent
	do    func(*soak, context.Context, time.Time) error
}

var allParts = []part{
	{"kills", 50, (*soak).kills},
	{"pressure", 35, (*soak).pressure},
	{"mistakes", 15, (*soak).mistakes},
}

// A soak is one run of this program.
type soak struct {
	random *rand.Rand
	// root is the module's, scratch the directory of all temporary files,
	// temporary the part of it that the runs have as TMPDIR, and disk an empty
	// directory in that.
	root, scratch, temporary, disk string
	// cases and harness are the compiled tests.
	cases, harness string
	// tests are the names of the cases' test functions.
	tests []string
	// faults are what the soak found.
	faults []string
}

func main() {
	length := flag.Duration("for", 28*time.Minute, "how long to go on")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano())%1_000_000, "what random choices follow from")
	names := flag.String("part", "kills,pressure,mistakes", "which parts, with commas between")
	flag.Parse()
	parts := strings.Split(*names, ",")
	if err := check(parts, *length, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	err := soakFor(ctx, parts, *length, *seed)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// check refuses what the flags cannot mean.
func check(parts []string, length time.Duration, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("no arguments but flags: %q", args)
	}
	if length <= 0 {
		return fmt.Errorf("-for must be longer than 0 s, not %v", length)
	}
	for _, name := range parts {
		if !slices.ContainsFunc(allParts, func(p part) bool { return p.name == name }) {
			return fmt.Errorf("-part has kills, pressure and mistakes, not %q", name)
		}
	}
	return nil
}

// soakFor prepares the soak, and does the parts.
func soakFor(ctx context.Context, parts []string, length time.Duration, seed uint64) (err error) {
	s := &soak{random: rand.New(rand.NewPCG(seed, 0))}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.scratch)) }()
	if os.Geteuid() != 0 {
		return s.again(ctx)
	}
	// What a run leaves behind becomes a child of this process, not of init, so
	// that it is found whatever it has done to its session and environment.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of orphans: %w", err)
	}
	defer func() { err = errors.Join(err, killDescendants()) }()
	fmt.Printf("soak: seed %d, %v for %s\n", seed, length, strings.Join(parts, ", "))
	if err := s.do(ctx, parts, length); err != nil {
		return err
	}
	if len(s.faults) > 0 {
		return fmt.Errorf("%d found:\n  %s", len(s.faults), strings.Join(s.faults, "\n  "))
	}
	fmt.Println("soak: nothing found")
	return nil
}

// do does the parts, each until its share of the time is over.
func (s *soak) do(ctx context.Context, parts []string, length time.Duration) error {
	chosen := slices.DeleteFunc(slices.Clone(allParts), func(p part) bool { return !slices.Contains(parts, p.name) })
	total := 0
	for _, p := range chosen {
		total += p.share
	}
	for _, p := range chosen {
		until := time.Now().Add(length * time.Duration(p.share) / time.Duration(total))
		if err := p.do(s, ctx, until); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// fault keeps what was found, and shows it at once.
func (s *soak) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.faults = append(s.faults, text)
	fmt.Printf("FOUND %s\n", text)
}
