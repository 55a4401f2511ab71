package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/finwait/finwait/harness/report"
)

// A count is what became of the labs under a pressure.
type count struct{ runs, labs, passed, inconclusive, skipped, alarms int }

// pressure repeats the cases under each pressure in turn until time is up, each at
// least once, and counts what did not pass.
func (s *soak) pressure(ctx context.Context, until time.Time) error {
	counts := make([]count, len(pressures))
	err := inTurn(until, func(i int, p pressure) error { return s.press(ctx, p, &counts[i]) })
	if err == nil {
		s.printAlarms(counts)
	}
	return err
}

// printAlarms prints the table, and judges the idle machine.
func (s *soak) printAlarms(counts []count) {
	fmt.Printf("\n%-20s %6s %8s %8s %13s %8s %13s\n", "pressure", "runs", "labs", "passed", "inconclusive", "skipped", "false alarms")
	var all count
	for i, p := range pressures {
		c := counts[i]
		c.print(p.name)
		all = count{
			all.runs + c.runs, all.labs + c.labs, all.passed + c.passed,
			all.inconclusive + c.inconclusive, all.skipped + c.skipped, all.alarms + c.alarms,
		}
	}
	all.print("all")
	if idle := counts[0]; tooUncertain(idle) {
		s.fault("idle: %d of %d labs inconclusive, more than 1 in 1000", idle.inconclusive, idle.labs)
	}
}

func (c count) print(name string) {
	fmt.Printf("%-20s %6d %8d %8d %13d %8d %13d\n", name, c.runs, c.labs, c.passed, c.inconclusive, c.skipped, c.alarms)
}

// tooUncertain reports whether more than one lab in each thousand that was begun
// is inconclusive: one in a few hundred labs is no more than that.
func tooUncertain(c count) bool { return c.inconclusive > (c.labs+999)/1000 }

// press runs all cases once.
func (s *soak) press(ctx context.Context, p pressure, c *count) error {
	dir, err := os.MkdirTemp(s.scratch, "report-")
	if err != nil {
		return err
	}
	r, endErr, err := s.under(ctx, p, "cases", append([]string{s.cases, "-test.short", "-report=" + dir}, p.args...)...)
	if err != nil {
		return err
	}
	c.runs++
	if endErr != nil {
		c.alarms++
		s.fault("%s: the run: %v:\n    %s", p.name, endErr, r.last(20))
	}
	if err := s.countLabs(p, r, filepath.Join(dir, "results.json"), c); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), os.Remove(r.log))
}

// countLabs counts what the report says; a run that fails must say which lab did.
func (s *soak) countLabs(p pressure, r *run, path string, c *count) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		c.alarms++
		s.fault("%s: the run wrote no report:\n    %s", p.name, r.last(20))
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	results, err := report.Read(file)
	if err != nil {
		c.alarms++
		s.fault("%s: %v:\n    %s", p.name, err, r.last(20))
		return nil
	}
	before := *c
	for _, lab := range results.Labs {
		s.countLab(p, lab, r.told(lab.Test), c)
	}
	if r.err != nil && c.alarms == before.alarms && c.inconclusive == before.inconclusive {
		c.alarms++
		s.fault("%s: the run failed (%v), and no lab:\n    %s", p.name, r.err, r.last(20))
	}
	return nil
}

func (s *soak) countLab(p pressure, lab report.Lab, told string, c *count) {
	c.labs++
	switch lab.Result {
	case report.Passed:
		c.passed++
	case report.Inconclusive:
		c.inconclusive++
	case report.Skipped:
		c.skipped++
	default:
		c.alarms++
		s.fault("%s: %s: %s\n    (timers late by up to %v, %v stolen; again: %s)",
			p.name, lab.Title, explain(lab, told), lab.Noise.Overshoot.Duration(), lab.Noise.Stolen.Duration(), lab.Rerun)
	}
}

// explain is what the lab says of its failure; what go test has told where it says
// nothing.
func explain(lab report.Lab, told string) string {
	text := lab.Reason
	if text == "" {
		text = told
	}
	for _, v := range lab.Verdicts {
		if !v.Passed {
			text += "\n    " + v.Text
		}
	}
	return text
}
