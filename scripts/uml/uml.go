// Package uml builds User Mode Linux kernels for the suite: Linux as an ordinary
// process, whose clock can run ahead. It serves what needs a kernel of its own
// making: scripts/kernels builds one from a Debian source package, and others
// rebuild theirs for each patch or commit.
package uml

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// A Tree is a kernel's source and where it is built.
//
// If Build is a directory right below Source, both can be moved together and go on
// being built incrementally: Linux's makefiles then use relative paths.
type Tree struct {
	Source string // absolute; only read, so it may be a git work tree
	Build  string // absolute; made if it is not there
	HZ     int    // timer interrupts a second, 100 to 1000; the stock kernels of Debian have 250
}

// In is the tree that scripts/kernels keeps in a directory of its cache, beside the
// kernel that it has built there.
func In(dir string, hz int) Tree {
	source := filepath.Join(dir, "source")
	return Tree{Source: source, Build: filepath.Join(source, "build"), HZ: hz}
}

// Make configures the tree and builds its kernel, and says where the binary is:
// it is overwritten by the next Make. What a former Make built in the same
// directory is used again, as far as the source has not changed since. The
// programs' output goes to log, too.
//
// An error is a *BuildError where the source is to blame, and ctx's where that
// ended the build.
func (t Tree) Make(ctx context.Context, log io.Writer) (binary string, err error) {
	if err := Missing(); err != nil {
		return "", err
	}
	if err := t.configure(ctx, log); err != nil {
		return "", err
	}
	if err := t.verify(); err != nil {
		return "", err
	}
	if err := t.make(ctx, log, "compiling and linking", "-j"+strconv.Itoa(runtime.NumCPU()), "linux"); err != nil {
		return "", err
	}
	if err := t.verify(); err != nil { // a source that has changed configures itself anew
		return "", err
	}
	binary = filepath.Join(t.Build, "linux.stripped")
	if err := run(ctx, log, "stripping", "", "strip", "-o", binary, filepath.Join(t.Build, "linux")); err != nil {
		return "", err
	}
	return binary, nil
}

// make runs Linux's make for targets. Whoever builds the same source gets the same
// kernel: no name, no host, no date and no count of builds is in it.
func (t Tree) make(ctx context.Context, log io.Writer, step string, targets ...string) error {
	if err := os.MkdirAll(t.Build, 0o755); err != nil {
		return fmt.Errorf("making the build directory: %w", err)
	}
	return run(ctx, log, step, t.Source, "nice", append([]string{
		"-n", "19", "make", "ARCH=um", "O=" + t.Build, "KBUILD_KCONFIG=" + kconfigName, "LOCALVERSION=",
		"KBUILD_BUILD_USER=finwait", "KBUILD_BUILD_HOST=finwait", "KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_VERSION=1",
	}, targets...)...)
}
