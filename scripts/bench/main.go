// Bench measures what labs cost, and compares that with floors that are measured
// in the same run, so that what it prints holds on any machine:
//
//	go run ./scripts/bench             prints the ratios, and exits 1 if a target is missed
//	go run ./scripts/bench -rounds 9   measures more often
//	go run ./scripts/bench -raw FILE   also keeps what go test printed, for benchstat
//
// A ratio is taken in each round, between benchmarks that ran right after each
// other, so that a machine that is slower for a while does not distort it. What
// holds or not is the median of the rounds.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/finwait/finwait/harness"
)

const module = "github.com/finwait/finwait"

func main() {
	rounds := flag.Int("rounds", 5, "how often everything is measured, at least once")
	raw := flag.String("raw", "", "a file for what go test printed, for benchstat")
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 {
		fmt.Fprintf(os.Stderr, "bench: flags alone, and at least one round: %q\n", os.Args[1:])
		os.Exit(2)
	}
	missed, err := bench(*rounds, *raw)
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d targets are missed", missed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures and prints, and counts the targets that are missed.
func bench(rounds int, raw string) (missed int, err error) {
	dir, err := os.MkdirTemp("", "finwait-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, room := range []string{"harness", "cases"} {
		if _, err := output(exec.Command("go", "test", "-c", "-o", filepath.Join(dir, room+".test"), module+"/"+room)); err != nil {
			return 0, err
		}
	}
	var all measured
	var printed bytes.Buffer
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, rounds)
		text, err := measure(dir)
		if err != nil {
			return 0, err
		}
		printed.Write(text)
		found, err := parse(text)
		if err != nil {
			return 0, err
		}
		all = append(all, found)
	}
	if raw != "" {
		if err := os.WriteFile(raw, printed.Bytes(), 0o644); err != nil {
			return 0, err
		}
	}
	return all.print(os.Stdout)
}

// measure runs every benchmark once, and the short suite.
func measure(dir string) ([]byte, error) {
	var all []byte
	for _, part := range []struct{ benchmarks, times string }{
		{"BenchmarkUp|BenchmarkDown|BenchmarkFreeze|BenchmarkHeal", "20x"},
		{"BenchmarkProbe", "2000x"},
		{"BenchmarkFreezeFlooded", "3x"},
		{"BenchmarkWatching60Labs", "1x"},
		{"BenchmarkLabs|Benchmark500Verdicts", "1x"},
	} {
		text, err := privileged(dir, "harness", "-test.run=^$", "-test.bench=^("+part.benchmarks+")$", "-test.benchtime="+part.times)
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	suite, err := measureSuite(dir)
	return append(all, suite...), err
}

// measureSuite runs the short suite, and tells of it as of a benchmark: how long
// it took, and what of that is not the longest watch.
func measureSuite(dir string) (string, error) {
	begin := time.Now()
	if out, err := privileged(dir, "cases", "-test.short"); err != nil {
		return "", errors.Join(errors.New("the short suite fails, so its time means nothing; make cases ARGS=-short tells why"), failures(out))
	}
	took := time.Since(begin)
	return fmt.Sprintf("BenchmarkShortSuite 1 %d ns/op %d overhead-ns/op\n", took, took-harness.ShortWatch), nil
}

// failures are the lines of the suite's labs that failed.
func failures(out []byte) error {
	var failed []error
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "FAIL ") {
			failed = append(failed, errors.New(strings.TrimSpace(line)))
		}
	}
	return errors.Join(failed...)
}

// privileged runs a compiled test where go test would, as root.
func privileged(dir, room string, args ...string) ([]byte, error) {
	root, err := output(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module))
	if err != nil {
		return nil, err
	}
	path := string(bytes.TrimSpace(root))
	command := exec.Command(filepath.Join(path, "scripts", "privileged"), append([]string{filepath.Join(dir, room+".test")}, args...)...)
	command.Dir = filepath.Join(path, room)
	return output(command)
}

// output is what a program prints; if it fails, the error says that, too.
func output(command *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("running %s: %w\n%s%s", filepath.Base(command.Path), err, out, said.Bytes())
	}
	return out, err
}
