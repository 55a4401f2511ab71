// Matrix runs the complete suite on several kernels, and compares what they do:
//
//	go run ./scripts/matrix                                 four of Debian's, and this machine's
//	go run ./scripts/matrix -kernels 6.1,host               some of them
//	go run ./scripts/matrix -settings my.conf -run OwnSettings
//
// A kernel is a version of Debian's (6.12, 6.12.95 or newest; scripts/kernels gets it) or
// host. Debian's run in virtual time under QEMU (scripts/vmexec), and every state is
// watched to its end there, one guest for each processor at a time. The host's kernel
// runs in real time, alone and last: what keeps a processor busy makes its timers late.
//
// There is a line for each kernel when it has ended, or cannot be had, and then the
// matrix: a row for each lab that did not do the same everywhere, and why, as far as the
// model knows (Changes in harness/tcp). build/kernels has what was found: index.html with
// the matrix, the report of each kernel in NAME, what it printed in NAME.txt.
//
// The exit status is 1 if a lab fails or is inconclusive on one of the kernels, if one has
// no result, or if a difference has no reason that the model knows.
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
	"strings"
	"syscall"
)

// home is where the results are, below the root of the module.
const home = "build/kernels"

// options are what the command line says.
type options struct {
	kernels []string
	// cases are the arguments that the cases get on every kernel.
	cases []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errUsage):
		os.Exit(2)
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "finwait:", err)
	os.Exit(1)
}

// errUsage is of a command line that the flag set has already complained of.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, out, told io.Writer) error {
	opts, err := parse(args, told)
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	s, err := prepare(ctx, root, told)
	if err != nil {
		return err
	}
	kernels, lacking := s.find(ctx, opts.kernels, out)
	failed := s.runAll(ctx, kernels, opts.cases, out)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return conclude(s.dir, kernels, lacking, failed, out)
}

// parse reads the command line.
func parse(args []string, told io.Writer) (options, error) {
	flags := flag.NewFlagSet("matrix", flag.ContinueOnError)
	flags.SetOutput(told)
	names := flags.String("kernels", "5.10,6.1,6.12,newest,host", "the kernels to run on: versions of Debian's, newest, host")
	settings := flags.String("settings", "", "a sysctl.d `file` whose settings the cases of own settings prove on every kernel")
	only := flags.String("run", "", "only the cases whose names match this `regexp`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return options{}, err
	case err != nil:
		return options{}, errUsage
	case flags.NArg() > 0:
		fmt.Fprintf(told, "finwait: matrix takes flags alone, not %q\n", flags.Arg(0))
		return options{}, errUsage
	}
	opts := options{kernels: strings.Split(*names, ",")}
	if *settings != "" {
		path, err := filepath.Abs(*settings)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return options{}, fmt.Errorf("reading the settings: %w", err)
		}
		opts.cases = append(opts.cases, "-settings="+path)
	}
	if *only != "" {
		opts.cases = append(opts.cases, "-test.run="+*only)
	}
	return opts, nil
}
