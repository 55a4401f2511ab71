// Kernels gets kernels to run the cases on, and keeps them outside the repository:
//
//	go run ./scripts/kernels list                  what can be had, and what is there
//	go run ./scripts/kernels get debian:6.12       a stock kernel of Debian, for QEMU
//	go run ./scripts/kernels get debian:newest     the newest that Debian has
//	go run ./scripts/kernels get FILE.deb ...      the same from files, together one kernel
//	go run ./scripts/kernels uml 6.12 -hz 250      Debian's source, built as User Mode Linux
//
// The last line on standard output is what scripts/vmexec takes for the kernel:
//
//	-kernel qemu:DIR/vmlinuz -modules DIR/modules/RELEASE
//	-kernel uml:DIR/linux
//
// DIR is debian-6.12, deb-RELEASE or uml-6.12-hz250 in the cache, which -cache or
// XDG_CACHE_HOME moves. Beside the kernel it has version, the kernel's release;
// config, its configuration; SHA256SUMS, which is verified whenever the kernel is
// asked for again; and of User Mode Linux the source, with the build in
// source/build. A kernel that is there stays as it is: remove its directory to get
// what Debian has by now.
//
// Debian's kernels come from the mirror that this machine's apt is configured for,
// any suite of it, by an apt with lists and sources of its own: nothing of the
// machine is changed, and no privileges are needed. What comes is signed by Debian,
// or refused.
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

const usage = `usage: kernels [-cache DIR] list
       kernels [-cache DIR] get debian:VERSION|debian:newest
       kernels [-cache DIR] get FILE.deb [FILE.deb ...]
       kernels [-cache DIR] uml VERSION|newest [-hz N]`

// errUsage is of a command line that asks for nothing that there is.
var errUsage = errors.New(usage)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second interrupt ends it at once; the next run clears away
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case ctx.Err() != nil:
		err = errors.New("interrupted; nothing is kept of what was under way")
	}
	fmt.Fprintln(os.Stderr, "finwait:", err)
	os.Exit(1)
}

func run(ctx context.Context, args []string, out, told io.Writer) error {
	flags := flag.NewFlagSet("kernels", flag.ContinueOnError)
	flags.SetOutput(told)
	flags.Usage = func() { fmt.Fprintln(told, usage); flags.PrintDefaults() }
	dir := flags.String("cache", "", "where kernels are kept; empty for finwait/kernels in the user's cache")
	if err := parse(flags, args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errUsage
	}
	s, err := openStore(*dir, told)
	if err != nil {
		return err
	}
	defer s.close()
	switch command, rest := flags.Arg(0), flags.Args()[1:]; {
	case command == "list" && len(rest) == 0:
		return list(ctx, s, out)
	case command == "get" && len(rest) > 0:
		return get(ctx, s, rest, out)
	case command == "uml":
		return uml(ctx, s, rest, out)
	}
	return errUsage
}

// get gets a kernel for QEMU, by its name or from files.
func get(ctx context.Context, s *store, what []string, out io.Writer) error {
	var dir string
	var err error
	if version, is := strings.CutPrefix(what[0], "debian:"); is && len(what) == 1 {
		dir, err = getDebian(ctx, s, version)
	} else {
		dir, err = getFiles(ctx, s, what)
	}
	if err != nil {
		return err
	}
	release, err := readVersion(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "-kernel qemu:%s -modules %s\n", filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "modules", release))
	return err
}

// parse parses flags; the flag set has already said what is wrong with them.
func parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return errUsage
	}
	return err
}
