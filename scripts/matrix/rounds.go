package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/finwait/finwait/harness/report"
)

// runAll runs the cases on every kernel, and prints a line for each as it ends. It
// returns the names of those on which they failed. A guest in virtual time has one
// processor; the host is left to the end, when nothing else runs.
func (s suite) runAll(ctx context.Context, kernels []kernel, cases []string, out io.Writer) (failed []string) {
	var guests sync.WaitGroup
	var telling sync.Mutex
	one := func(k kernel) {
		begun := time.Now()
		err := s.run(ctx, k, cases)
		if ctx.Err() != nil {
			return
		}
		telling.Lock()
		defer telling.Unlock()
		if err != nil {
			failed = append(failed, k.name)
		}
		found, readErr := readResults(s.dir, k)
		fmt.Fprintln(out, told(k, found, readErr, err, time.Since(begun)))
	}
	queue := make(chan kernel, len(kernels))
	for _, k := range kernels {
		if !k.host() {
			queue <- k
		}
	}
	close(queue)
	for range runtime.NumCPU() {
		guests.Go(func() {
			for k := range queue {
				one(k)
			}
		})
	}
	guests.Wait()
	for _, k := range kernels {
		if k.host() {
			one(k)
		}
	}
	return failed
}

// readResults reads what was found on a kernel.
func readResults(dir string, k kernel) (report.Run, error) {
	file, err := os.Open(filepath.Join(dir, k.name, "results.json"))
	if err != nil {
		return report.Run{}, fmt.Errorf("there is no result of %s: %w", k.name, err)
	}
	defer file.Close()
	found, err := report.Read(file)
	if err != nil {
		return report.Run{}, fmt.Errorf("reading the results of %s: %w", k.name, err)
	}
	return found, nil
}

// told is a line for the kernel, and one for each lab that is against it.
func told(k kernel, found report.Run, readErr, err error, took time.Duration) string {
	if readErr != nil {
		text := fmt.Sprintf("FAIL  %s: no result after %.0f s: %v", k.name, took.Seconds(), readErr)
		if err != nil {
			text = fmt.Sprintf("FAIL  %s: no result after %.0f s: %v", k.name, took.Seconds(), err)
		}
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
	}
	count := map[report.Result]int{}
	judged := 0
	var against []string
	for _, lab := range found.Labs {
		count[lab.Result]++
		judged += len(lab.Verdicts)
		if lab.Result == report.Failed || lab.Result == report.Inconclusive {
			against = append(against, fmt.Sprintf("\n      %s: %s %s", lab.Result, lab.Test, lab.Reason))
		}
	}
	sign := "ok  "
	if err != nil {
		sign = "FAIL"
		if len(against) == 0 {
			against = []string{"\n      " + strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n      ")}
		}
	}
	return fmt.Sprintf("%s  %s: Linux %s, %d labs, %d judged, %d failed, %d inconclusive, %d skipped, in %.0f s%s", sign, k.name, found.Kernel,
		len(found.Labs), judged, count[report.Failed], count[report.Inconclusive], count[report.Skipped], took.Seconds(), strings.Join(against, ""))
}
