// Bisect answers git bisect whether the cases pass on the kernel of the commit that is
// checked out. In a kernel's work tree, after "make bisect" here:
//
//	git bisect start v6.12 v6.11
//	git bisect run FINWAIT/build/bisect/bisect -run TestFinWait1Reaped
//
// It builds the commit as User Mode Linux, as much of it as has changed, and runs the
// cases on it in virtual time. The work tree is only read. What is built is kept in
// finwait/bisect in the user's cache, for each work tree in a directory of its own, with
// build.log and, of the commit that was last run, cases.log and report/index.html.
//
// The answer is the exit status, and a line says why:
//
//	0    good   the cases pass
//	1    bad    a case fails, or the kernel complains of itself while they pass
//	125  skip   it does not build or does not boot, the guest dies, or no case can be
//	            judged on it: all are for newer kernels, or inconclusive
//	128  stop   not the commit is to blame, but the command line, the work tree or the
//	            machine; git bisect ends, and can be run again
//	130  stop   it was interrupted
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// An answer is an exit status that git bisect run knows.
type answer int

const (
	good        answer = 0
	bad         answer = 1
	skip        answer = 125
	stop        answer = 128
	interrupted answer = 128 + answer(syscall.SIGINT)
)

func (a answer) String() string {
	switch a {
	case good:
		return "good"
	case bad:
		return "bad"
	case skip:
		return "skip"
	}
	return "stop"
}

func main() {
	// A panic would exit with 2, which is an answer: bad.
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintln(os.Stderr, "finwait: stop:", fault)
			os.Exit(int(stop))
		}
	}()
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer end()
	os.Exit(int(answerOf(ctx, os.Args[1:])))
}

// answerOf prints why.
func answerOf(ctx context.Context, args []string) answer {
	selected, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return stop
	}
	var j judgement
	if err == nil {
		j, err = step(ctx, selected)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "finwait: stop: interrupted")
		return interrupted
	case err != nil:
		fmt.Fprintln(os.Stderr, "finwait: stop:", err)
		return stop
	}
	fmt.Println("finwait:", j)
	return j.answer
}

// parseFlags are the arguments for the cases.
func parseFlags(args []string) ([]string, error) {
	flags := flag.NewFlagSet("bisect", flag.ContinueOnError)
	run := flags.String("run", "", "the cases: those whose names match this `regexp`, as of go test; . for all")
	short := flags.Bool("short", false, "watch a state for no longer than 7 s")
	watch := flags.String("watch", "", "how long to watch a state, as 90s or 3h; empty for the cases' own 2m")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case *run == "":
		return nil, errors.New("name cases with -run, as -run TestFinWait1Reaped; -run . for all")
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag, and there are no other arguments", flags.Arg(0))
	}
	selected := []string{"-test.run=" + *run}
	if *short {
		selected = append(selected, "-test.short")
	}
	if *watch != "" {
		selected = append(selected, "-watch="+*watch)
	}
	return selected, nil
}
