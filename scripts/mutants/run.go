package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A suite is the compiled cases, and the program that runs them on a kernel.
type suite struct {
	dir           string // of package cases
	vmexec, cases string
}

// buildSuite compiles both into a directory.
func buildSuite(ctx context.Context, root, to string) (suite, error) {
	s := suite{filepath.Join(root, "cases"), filepath.Join(to, "vmexec"), filepath.Join(to, "cases.test")}
	for _, args := range [][]string{{"build", "-o", s.vmexec, "./scripts/vmexec"}, {"test", "-c", "-o", s.cases, "./cases"}} {
		command := exec.CommandContext(ctx, "go", args...)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0") // a guest has no libraries
		if out, err := command.CombinedOutput(); err != nil {
			return s, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return s, nil
}

// run runs the suite on a kernel in virtual time. What fails is no error.
func (s suite) run(ctx context.Context, kernel string, args ...string) ([]failure, error) {
	dir, err := os.MkdirTemp(filepath.Dir(kernel), "report")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args = append([]string{"-kernel", "uml:" + kernel, "-virtual-time", "-limit", "3m", s.cases, "-report", dir}, args...)
	command := exec.CommandContext(ctx, s.vmexec, args...)
	command.Dir = s.dir
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
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
	failures, readErr := readFailures(dir, printed.String())
	if readErr == nil && err != nil && len(failures) == 0 {
		readErr = fmt.Errorf("no lab failed, but the suite did\n%s", complained.Bytes())
	}
	return failures, readErr
}

// A built kernel is what a patch made of the source.
type built struct {
	patch
	path string
	took time.Duration
	err  error
}

// buildAll builds the kernels one after the other, each while the one before is run.
func buildAll(ctx context.Context, t tree, patches []patch, dir string) <-chan built {
	out := make(chan built)
	go func() {
		defer close(out)
		for _, p := range patches {
			begun := time.Now()
			b := built{patch: p, path: filepath.Join(dir, p.name)}
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

// judge runs both lengths of the suite on every kernel as it comes, and tells what
// became of it.
func judge(ctx context.Context, s suite, kernels <-chan built, log io.Writer, verbose bool) []result {
	var results []result
	for b := range kernels {
		if ctx.Err() != nil {
			continue // until the tree is as it was
		}
		begun := time.Now()
		r := result{patch: b.patch, err: b.err}
		if r.err == nil {
			r.short, r.err = s.run(ctx, b.path, "-test.short")
		}
		if r.err == nil {
			r.full, r.err = s.run(ctx, b.path)
		}
		if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.err = errors.Join(r.err, err)
		}
		results = append(results, r)
		tell(log, r, b.took, time.Since(begun), verbose)
	}
	return results
}

// tell is a line for each kernel, and with verbose what failed on it.
func tell(log io.Writer, r result, built, ran time.Duration, verbose bool) {
	state := "ok   "
	if r.wrong() != "" {
		state = "WRONG"
	}
	fmt.Fprintf(log, "%s %s: %d cases caught it in -short, %d in full; built in %.0f s, run in %.0f s\n",
		state, r.name, len(r.catches(r.short)), len(r.catches(r.full)), built.Seconds(), ran.Seconds())
	if !verbose {
		return
	}
	for _, f := range r.full {
		fmt.Fprintf(log, "      %s/%s (%s): %s\n", f.test, f.family, f.how, strings.ReplaceAll(f.text, "\n", "\n        "))
	}
}
