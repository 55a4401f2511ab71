package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/finwait/finwait/scripts/uml"
)

// buildLimit is how long a build may take: a first one takes 15 minutes of one core.
const buildLimit = 2 * time.Hour

// A workTree is where git bisect checks the commits out.
type workTree struct {
	source string
	commit string // what is checked out: short hash and subject
	dir    string // in the cache, for this work tree alone
}

// openWorkTree is that of the current directory, where git bisect runs its program.
func openWorkTree(ctx context.Context) (workTree, error) {
	source, err := os.Getwd()
	if err == nil {
		source, err = filepath.EvalSymlinks(source)
	}
	if err != nil {
		return workTree{}, fmt.Errorf("finding the work tree: %w", err)
	}
	if _, err := os.Stat(filepath.Join(source, "arch", "um", "Kconfig")); err != nil {
		return workTree{}, fmt.Errorf("%s is no work tree of Linux: %w", source, err)
	}
	commit, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%h %s").CombinedOutput()
	if err != nil {
		return workTree{}, fmt.Errorf("asking git for the commit that is checked out in %s: %w: %s", source, err, oneLine(string(commit)))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return workTree{}, fmt.Errorf("finding a place for what is built: %w", err)
	}
	sum := sha256.Sum256([]byte(source))
	dir := filepath.Join(cache, "finwait", "bisect", fmt.Sprintf("%s-%x", filepath.Base(source), sum[:4]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return workTree{}, fmt.Errorf("making a place for what is built: %w", err)
	}
	return workTree{source: source, commit: strings.TrimSpace(string(commit)), dir: dir}, nil
}

// build is the path of the commit's kernel. The error is a *commitError where the
// commit is to blame.
func (w workTree) build(ctx context.Context) (kernel string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, buildLimit, fmt.Errorf("the build has not ended within %v", buildLimit))
	defer cancel()
	tree := uml.Tree{Source: w.source, Build: filepath.Join(w.dir, "build"), HZ: 250}
	err = logTo(w.dir, "build.log", func(log io.Writer) (err error) {
		kernel, err = tree.Make(ctx, log)
		return err
	})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var failed *uml.BuildError
	if errors.As(err, &failed) {
		return "", blame(failed)
	}
	return kernel, err
}

// A commitError is what is wrong with a commit.
type commitError struct{ why string }

func (e *commitError) Error() string { return e.why }

// notTheCommit is what a build prints that fails for every commit alike.
var notTheCommit = []string{
	"source tree is not clean", "No space left on device", "Killed signal", "Read-only file system", "Permission denied", "command not found",
	"] Interrupt", "] Terminated", "] Killed", // what make says of a job that a signal ended
}

// blame is a *commitError, unless the build failed for another reason.
func blame(failed *uml.BuildError) error {
	var exit *exec.ExitError
	if errors.As(failed.Err, &exit) && !exit.Exited() {
		return fmt.Errorf("building the kernel: %w", exit) // an interrupt may come there first
	}
	for _, line := range failed.Last {
		for _, text := range notTheCommit {
			if strings.Contains(line, text) {
				return fmt.Errorf("building the kernel: %s", strings.TrimSpace(line))
			}
		}
	}
	why := failed.Err.Error()
	for _, line := range failed.Last {
		if strings.Contains(line, "error:") || strings.Contains(line, "undefined reference") {
			why = strings.TrimSpace(line)
			break
		}
	}
	return &commitError{"does not build: " + why}
}
