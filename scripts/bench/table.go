package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// A ratio is a line of the table: one value divided by another of the same round.
type ratio struct {
	what, value, by string
	// scale is what the value is multiplied by; 1 if zero.
	scale float64
	// most and least are the target; none if zero.
	most, least float64
}

const (
	labUp   = "BenchmarkUp/lab ns/op"
	floor   = "BenchmarkUp/floor ns/op"
	nothing = "" // to divide by: the value itself
)

var ratios = []ratio{
	{what: "lab up, in floors", value: labUp, by: floor, most: 1.5},
	{what: "the library step by step, in floors", value: "BenchmarkUp/library ns/op", by: floor},
	{what: "the shell, in labs up", value: "BenchmarkUp/shell ns/op", by: labUp, least: 8},
	{what: "each of 50 labs at once, in floors", value: "BenchmarkLabs/50 up-ns/lab", by: floor},
	{what: "each of 500 labs at once, in floors", value: "BenchmarkLabs/500 up-ns/lab", by: floor},
	{what: "lab down, in floors", value: "BenchmarkDown ns/op", by: floor},
	{what: "first freeze of a host, in floors", value: "BenchmarkFreeze/first ns/op", by: floor},
	{what: "another freeze, in floors", value: "BenchmarkFreeze/again ns/op", by: floor},
	{what: "counting and healing, in floors", value: "BenchmarkHeal ns/op", by: floor},
	{what: "flooded freeze: last segment out, of the call", value: "BenchmarkFreezeFlooded silent-ns/op", by: "BenchmarkFreezeFlooded ns/op", most: 1},
	{what: "one look at a socket, in thousandths of a floor", value: "BenchmarkProbe ns/op", by: floor, scale: 1000},
	{what: "CPU seconds for a minute of a lab's waiting", value: "BenchmarkWatching60Labs cpu-s/lab-min", by: nothing, most: 0.1},
	{what: "500 labs at once: verdicts that are inconclusive", value: "Benchmark500Verdicts inconclusive", by: nothing, most: 0.5},
	{what: "500 labs at once: descriptors of each", value: "Benchmark500Verdicts descriptors/lab", by: nothing},
	{what: "500 labs at once: memory of each, MB", value: "Benchmark500Verdicts kB/lab", by: nothing, scale: 1. / 1024},
	{what: "short suite, in tens of seconds", value: "BenchmarkShortSuite ns/op", by: nothing, scale: 1 / float64(10*time.Second), most: 1},
	{what: "what of it is not its longest watch, s", value: "BenchmarkShortSuite overhead-ns/op", by: nothing, scale: 1 / float64(time.Second)},
}

// print writes the table, and counts the targets that are missed.
func (m measured) print(out io.Writer) (missed int, err error) {
	machine, err := describeMachine()
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "%s, %d rounds\n", machine, len(m))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tmedian\tspread\ttarget\t")
	for _, ratio := range ratios {
		values, err := m.values(ratio)
		if err != nil {
			return 0, err
		}
		median := values[len(values)/2]
		target, held := ratio.judge(median)
		if !held {
			missed++
		}
		fmt.Fprintf(table, "%s\t%.2f\t%.2f to %.2f\t%s\t\n", ratio.what, median, values[0], values[len(values)-1], target)
	}
	return missed, table.Flush()
}

// values are those of all rounds, the smallest first.
func (m measured) values(r ratio) ([]float64, error) {
	var values []float64
	for _, round := range m {
		value, found := round[r.value]
		if !found {
			return nil, fmt.Errorf("nothing was measured of %q", r.value)
		}
		if r.by != nothing {
			value /= round[r.by]
		}
		if r.scale != 0 {
			value *= r.scale
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf("nothing was measured of %q", r.by)
		}
		values = append(values, value)
	}
	slices.Sort(values)
	return values, nil
}

// judge says what the target is, and whether the value holds it.
func (r ratio) judge(value float64) (target string, held bool) {
	switch {
	case r.most > 0 && value > r.most:
		return fmt.Sprintf("at most %g: MISSED", r.most), false
	case r.most > 0:
		return fmt.Sprintf("at most %g: holds", r.most), true
	case r.least > 0 && value < r.least:
		return fmt.Sprintf("at least %g: MISSED", r.least), false
	case r.least > 0:
		return fmt.Sprintf("at least %g: holds", r.least), true
	}
	return "", true
}

// describeMachine names the kernel, the processors and the tick rate.
func describeMachine() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("asking for the kernel's release: %w", err)
	}
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err != nil {
		return "", fmt.Errorf("asking for the kernel's tick: %w", err)
	}
	hz := math.Round(float64(time.Second) / float64(tick.Nano()))
	return fmt.Sprintf("Linux %s, HZ %.0f, %d processors", unix.ByteSliceToString(name.Release[:]), hz, runtime.NumCPU()), nil
}
