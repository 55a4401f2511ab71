package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

const (
	// passedText is what the harness's own tests say of a mistake that passed.
	passedText = "the mistake passed"
	// fewest are the different mistakes that must have been refused.
	fewest = 20
)

// A refusal counts what became of the mistakes under a pressure.
type refusal struct{ runs, refused, otherwise, passed int }

// mistakes repeats the deliberate mistakes of the harness's tests under each
// pressure in turn until time is up, each at least once.
func (s *soak) mistakes(ctx context.Context, until time.Time) error {
	counts, different := make([]refusal, len(pressures)), map[string]bool{}
	if err := inTurn(until, func(i int, p pressure) error { return s.mislead(ctx, p, &counts[i], different) }); err != nil {
		return err
	}
	fmt.Printf("\n%-20s %6s %8s %16s %8s\n", "pressure", "runs", "refused", "in other words", "passed")
	for i, p := range pressures {
		fmt.Printf("%-20s %6d %8d %16d %8d\n", p.name, counts[i].runs, counts[i].refused, counts[i].otherwise, counts[i].passed)
	}
	fmt.Printf("%d different mistakes were refused. In other words: under pressure another check refused it than the one that was meant to.\n", len(different))
	if len(different) < fewest {
		s.fault("only %d different mistakes were refused, not %d", len(different), fewest)
	}
	return nil
}

// mislead makes all mistakes once.
func (s *soak) mislead(ctx context.Context, p pressure, c *refusal, different map[string]bool) error {
	args := p.args
	if len(args) == 0 {
		args = []string{"-test.parallel=32"}
	}
	r, endErr, err := s.under(ctx, p, "harness", append([]string{s.harness, "-test.run=Mistaken", "-test.v"}, args...)...)
	if err != nil {
		return err
	}
	c.runs++
	if endErr != nil {
		s.fault("%s: the mistakes: %v", p.name, endErr)
	}
	s.countRefusals(p, r.printed(), c, different)
	return os.Remove(r.log)
}

// countRefusals reads the output of go test -v.
func (s *soak) countRefusals(p pressure, printed string, c *refusal, different map[string]bool) {
	results, said := readVerbose(printed)
	for name, result := range results {
		switch {
		case strings.Contains(said[name], passedText):
			c.passed++
			s.fault("%s: %s: %s", p.name, name, passedText)
		case result == "PASS":
			c.refused++
			different[name] = true
		case result == "FAIL":
			c.otherwise++
			fmt.Printf("%s: %s refused in other words:\n    %s\n", p.name, name, strings.ReplaceAll(strings.TrimSpace(said[name]), "\n", "\n    "))
		}
	}
}

var (
	resultLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
	nameLine   = regexp.MustCompile(`^=== (?:RUN|NAME|CONT|PAUSE)\s+(\S+)`)
)

// readVerbose reads the result of each test without subtests, and what it said.
func readVerbose(printed string) (results, said map[string]string) {
	results, said = map[string]string{}, map[string]string{}
	current := ""
	for line := range strings.Lines(printed) {
		if match := nameLine.FindStringSubmatch(line); match != nil {
			current = match[1]
		} else if match := resultLine.FindStringSubmatch(line); match != nil {
			results[match[2]] = match[1]
		} else {
			said[current] += line
		}
	}
	for name := range results {
		for end := strings.LastIndexByte(name, '/'); end > 0; end = strings.LastIndexByte(name[:end], '/') {
			delete(results, name[:end])
		}
	}
	return results, said
}
