package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/finwait/finwait/scripts/guest"
)

// limit is for one run of the suite in wall time. It takes 30 s, and more where
// several kernels are built and run.
const limit = "6m"

// A suite is the compiled cases, and the program that runs them on a kernel.
type suite struct {
	dir           string // of package cases
	vmexec, cases string
}

// buildSuite compiles both into a directory.
func buildSuite(ctx context.Context, root, to string) (suite, error) {
	s := suite{filepath.Join(root, "cases"), filepath.Join(to, "vmexec"), filepath.Join(to, "cases.test")}
	return s, guest.Compile(ctx, root, to, "vmexec")
}

// run runs the suite on a kernel in virtual time. What fails is no error.
func (s suite) run(ctx context.Context, kernel string, args ...string) ([]failure, error) {
	dir, err := os.MkdirTemp(filepath.Dir(kernel), "report")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args = append([]string{"-kernel", "uml:" + kernel, "-virtual-time", "-limit", limit, s.cases, "-report", dir}, args...)
	command := guest.Command(ctx, s.vmexec, args...)
	command.Dir = s.dir
	var printed, complained bytes.Buffer
	command.Stdout, command.Stderr = &printed, &complained
	err = command.Run()
	const failed = 1 // the status of a test that failed
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && command.ProcessState.ExitCode() != failed:
		return nil, fmt.Errorf("running the suite: %w\n%s", err, complained.Bytes())
	}
	// Whoever makes the kernel complain has not been noticed for what it breaks.
	if bytes.Contains(complained.Bytes(), []byte("the kernel complained")) {
		return nil, fmt.Errorf("running the suite: %s", complained.Bytes())
	}
	failures, readErr := readFailures(dir, printed.String())
	if readErr == nil && err != nil && len(failures) == 0 {
		readErr = fmt.Errorf("no lab failed, but the suite did\n%s", complained.Bytes())
	}
	return failures, readErr
}

// A built kernel is what a patch made of the source.
type built struct {
	patch
	place int // among all
	path  string
	took  time.Duration
	err   error
}

// buildAll builds the kernels one after the other, while those before are run.
func buildAll(ctx context.Context, t tree, patches []patch, dir string) <-chan built {
	out := make(chan built)
	go func() {
		defer close(out)
		for i, p := range patches {
			begun := time.Now()
			b := built{patch: p, place: i, path: filepath.Join(dir, p.name)}
			b.err = t.kernel(ctx, p, b.path)
			b.took = time.Since(begun)
			out <- b
			if ctx.Err() != nil {
				return
			}
		}
	}()
	return out
}

// judgeAll runs the suite on every kernel as it comes, on one for each processor at
// a time, and tells what became of it. It returns when the last is built and run.
func judgeAll(ctx context.Context, s suite, kernels <-chan built, results []result, log io.Writer, verbose bool) {
	var all sync.WaitGroup
	var telling sync.Mutex
	for range runtime.NumCPU() {
		all.Go(func() {
			for b := range kernels {
				begun := time.Now()
				r := s.judge(ctx, b)
				results[b.place] = r
				if ctx.Err() != nil {
					continue // until the source is as it was
				}
				telling.Lock()
				tell(log, r, b.took, time.Since(begun), verbose)
				telling.Unlock()
			}
		})
	}
	all.Wait()
}

// judge runs the suite on a kernel in full, and in -short the cases that have failed
// then: it has nothing in it that the other has not. A kernel that fails none runs
// all of both.
func (s suite) judge(ctx context.Context, b built) result {
	r := result{patch: b.patch, err: b.err}
	if r.err != nil {
		return r
	}
	r.full, r.err = s.run(ctx, b.path)
	if r.err == nil {
		r.short, r.err = s.run(ctx, b.path, "-test.short", "-test.run="+onlyFailed(r.full))
	}
	if err := os.Remove(b.path); err != nil {
		r.err = errors.Join(r.err, err)
	}
	return r
}

// onlyFailed is a pattern of the cases that failed; of all if none did.
func onlyFailed(failures []failure) string {
	if len(failures) == 0 {
		return ""
	}
	var tests []string
	for _, f := range failures {
		tests = append(tests, f.test)
	}
	slices.Sort(tests)
	return "^(" + strings.Join(slices.Compact(tests), "|") + ")$"
}

// tell is a line for each kernel, and with verbose what failed on it.
func tell(log io.Writer, r result, built, ran time.Duration, verbose bool) {
	state, why := "ok   ", ""
	if wrong := r.wrong(); wrong != "" {
		state, why = "WRONG", ": "+strings.ReplaceAll(wrong, "\n", "\n        ")
	}
	fmt.Fprintf(log, "%s %s%s: %d cases caught it in full, %d in -short; built in %.0f s, run in %.0f s\n",
		state, r.name, why, len(r.catches(r.full)), len(r.catches(r.short)), built.Seconds(), ran.Seconds())
	if !verbose {
		return
	}
	for _, f := range r.full {
		fmt.Fprintf(log, "      %s/%s (%s): %s\n", f.test, f.family, f.how, strings.ReplaceAll(f.text, "\n", "\n        "))
	}
}
