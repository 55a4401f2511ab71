// Mutants tests the suite: it patches the kernel in one line, and the cases must
// notice.
//
//	go run ./scripts/mutants                   every patch; a quarter of an hour on two cores
//	go run ./scripts/mutants -run ^fin-wait    those whose names match
//	go run ./scripts/mutants -v                with what failed on each kernel
//	go run ./scripts/mutants -write            README.md beside this has the table
//
// Each file in patches changes one line of Linux 6.12, and says above it what that
// Breaks and which cases it must be Caught-by, and how: by the deadline of a timer,
// by the end of a state, by counters, segments or an errno. Others are Harmless:
// controls, which no case may notice, and neither may any fail without a patch.
//
// The kernels are User Mode Linux in virtual time (scripts/vmexec). Their source is a
// copy of the one that "go run ./scripts/kernels uml 6.12" gets and builds; a patched
// kernel is built while those before run the suite: in full, and in -short the cases
// that failed then.
//
// The exit status is 1 if a mutant survives or is caught otherwise than it says, a
// control is caught, or there is no result: a patch does not apply, a kernel does
// not build or does not run to the end of the suite.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

// home is where the patches and the page are, below the root of the module.
const home = "scripts/mutants"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case ctx.Err() != nil:
		err = errors.New("interrupted; the source is as it was")
	}
	fmt.Fprintln(os.Stderr, "finwait:", err)
	os.Exit(1)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	only := flags.String("run", "", "only the patches whose names match this `regexp`, and the kernel without a patch")
	verbose := flags.Bool("v", false, "print what failed on each kernel")
	write := flags.Bool("write", false, "write the table to "+home+"/README.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *write && *only != "" {
		return errors.New("-write needs all patches: leave out -run")
	}
	patches, err := choose(*only)
	if err != nil {
		return err
	}
	results, err := mutate(ctx, patches, out, *verbose)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s", text(results))
	if *write {
		if err := writePage(filepath.Join(home, "README.md"), results); err != nil {
			return err
		}
	}
	return summary(results)
}

// choose are the patches that match, behind one that changes nothing.
func choose(only string) ([]patch, error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	patches, err := readPatches(filepath.Join(home, "patches"))
	if err != nil {
		return nil, err
	}
	patches = slices.DeleteFunc(patches, func(p patch) bool { return !pattern.MatchString(p.name) })
	if len(patches) == 0 {
		return nil, fmt.Errorf("no patch matches %q", only)
	}
	return append([]patch{{name: "unpatched", says: "Nothing is changed."}}, patches...), nil
}

// mutate builds and judges a kernel of each patch.
func mutate(ctx context.Context, patches []patch, out io.Writer, verbose bool) (results []result, err error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for i := range patches {
		if patches[i].path != "" {
			patches[i].path = filepath.Join(root, patches[i].path)
		}
	}
	t, err := openTree(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	dir, err := os.MkdirTemp("", "finwait-mutants")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := buildSuite(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	results = make([]result, len(patches))
	judgeAll(ctx, s, buildAll(ctx, t, patches, dir), results, out, verbose)
	return results, ctx.Err()
}

// summary is an error that counts what is not as it should be.
func summary(results []result) error {
	wrong := 0
	for _, r := range results {
		if r.wrong() != "" {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d kernels were not judged as they should be", wrong, len(results))
	}
	return nil
}
