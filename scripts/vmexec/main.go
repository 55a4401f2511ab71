// Vmexec runs a compiled test on another kernel, for go test -exec:
//
//	CGO_ENABLED=0 go test -exec "vmexec -kernel qemu:VMLINUZ -modules DIR -virtual-time" ./cases/...
//	CGO_ENABLED=0 go test -exec "vmexec -kernel uml:LINUX -virtual-time" ./cases/... -short
//
// A kernel is "qemu:" and a stock kernel for x86-64, whose modules are below -modules
// (lib/modules/RELEASE of its package), or "uml:" and a User Mode Linux with all it
// needs built in. Neither needs root or KVM on the host.
//
// With -virtual-time the clock of the guest leaps over the time in which it has
// nothing to do, so that two hours of a timer take no longer than what happens in
// them. Otherwise time is real.
//
// The guest has the files of the host at the same paths, as far as a test of finwait
// reads them: the test, the testdata of its package, go.mod, the file of -settings,
// iptables with all that it loads. What the test writes comes back to where it would
// be without a guest: -report, -artifacts, coverage and profiles. In place of
// go test's -timeout, which would count the guest's time, there is -limit, in
// the host's time. But go test itself ends what it has started a minute after its
// -timeout, in the host's time, too: with -limit above 10m give it -timeout as well.
//
// The exit status is that of the test; 1 if it passed, but the kernel complained of
// itself meanwhile (WARNING, BUG, lockdep, a reference that is never given back); and
// 125 if the guest never said how the test ended: it could not start, panicked,
// hung, or ran out of memory. The end of its console is printed then. Interrupts
// give 128 and the number of the signal.
//
// A reference to a link that is never given back the kernel reports only ten seconds
// after the link is gone. In virtual time the guest goes on for as long as that; in
// real time it ends with the test, so what the last ten seconds have left behind is not
// noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// statusLost says that there is no result.
	statusLost = 125
	// statusComplaint says that a kernel complained while a test passed.
	statusComplaint = 1
	// statusUsage is that of package flag.
	statusUsage = 2
)

// options are what the command line says.
type options struct {
	kernel  kernel
	virtual bool
	limit   time.Duration
}

func main() {
	if isGuest() {
		guestMain()
		return
	}
	opts, test, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err)
		os.Exit(statusUsage)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	if err := endWithParent(ctx, cancel); err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err)
		os.Exit(statusLost)
	}
	status, err := run(ctx, opts, test)
	var ended interrupted
	if errors.As(err, &ended) {
		status = 128 + int(ended.signal)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err)
	}
	os.Exit(status)
}

// parseFlags reads the command line: the flags, the test and its arguments.
func parseFlags(args []string) (options, []string, error) {
	var opts options
	flags := flag.NewFlagSet("vmexec", flag.ContinueOnError)
	name := flags.String("kernel", "", "the kernel to run on: qemu:VMLINUZ or uml:LINUX")
	modules := flags.String("modules", "", "the `directory` of the kernel's modules, for qemu")
	flags.BoolVar(&opts.virtual, "virtual-time", false, "leap over the time in which nothing happens")
	flags.DurationVar(&opts.limit, "limit", 10*time.Minute, "how long a run may take, in the host's time")
	if err := flags.Parse(args); err != nil {
		return options{}, nil, err
	}
	if opts.limit <= 0 {
		return options{}, nil, fmt.Errorf("-limit must be longer than 0 s, not %v", opts.limit)
	}
	if flags.NArg() == 0 {
		return options{}, nil, errors.New("there is no test to run: it is made for go test -exec, which adds the test and its arguments")
	}
	var err error
	opts.kernel, err = findKernel(*name, *modules)
	return opts, flags.Args(), err
}

// interrupted is why a run was broken off.
type interrupted struct{ signal unix.Signal }

func (i interrupted) Error() string { return fmt.Sprintf("ended by a signal: %v", i.signal) }

// endWithParent has the run end at a signal, and when go test is killed.
func endWithParent(ctx context.Context, cancel context.CancelCauseFunc) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("asking to be told when what started this ends: %w", err)
	}
	go func() {
		select {
		case got := <-signals:
			cancel(interrupted{got.(unix.Signal)})
		case <-ctx.Done():
		}
	}()
	return nil
}
