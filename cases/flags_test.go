package cases

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
)

// options is what the flags say.
var options harness.Options

func init() {
	flag.Var(&checked{set: setWatch}, "watch", "how long to watch a state before judging it by its armed deadline or its schedule (default 2m, with -short 7s)")
	flag.Var(&checkedBool{checked{set: setStrict}}, "strict", "fail when a case was skipped")
	flag.Var(&checked{set: setPath(&options.Settings)}, "settings", "a sysctl.d `file` whose net.ipv4.tcp_* settings are proven in place of this machine's; a relative path counts from the root of the module")
	flag.Var(&checked{set: setPath(&options.Report)}, "report", "a `directory` for index.html, results.json and a folder of evidence for each lab that fails; a relative path counts from the root of the module")
	flag.Var(&checkedBool{checked{set: setPlan}}, "plan", "print every case with its predicted window, and run nothing; -plan=json for programs")
}

// A checked flag is set by a function that says what would be right.
type checked struct {
	text string
	set  func(string) error
}

func (c *checked) String() string { return c.text }

func (c *checked) Set(text string) error {
	c.text = text
	return c.set(text)
}

// checkedBool may stand without a value, which is then "true".
type checkedBool struct{ checked }

func (*checkedBool) IsBoolFlag() bool { return true }

func setWatch(text string) (err error) {
	if options.Watch, err = time.ParseDuration(text); err != nil || options.Watch <= 0 {
		return errors.New("give a length of time above zero with its unit, as 90s or 2m")
	}
	return nil
}

func setStrict(text string) (err error) {
	if options.Strict, err = strconv.ParseBool(text); err != nil {
		return errors.New("write -strict or -strict=false")
	}
	return nil
}

func setPath(path *string) func(string) error {
	return func(text string) error {
		if *path = text; text == "" {
			return errors.New("the path is empty; leave the flag out to go without")
		}
		return nil
	}
}

func setPlan(text string) error {
	switch text {
	case "true", string(harness.PlanText):
		options.Plan = harness.PlanText
	case string(harness.PlanJSON):
		options.Plan = harness.PlanJSON
	default:
		return errors.New("write -plan for text or -plan=json for JSON")
	}
	return nil
}

// parseFlags ends the process where the command line is wrong, with one line
// that says what of it. Package flag would print every flag of go test below
// it.
func parseFlags() {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	flag.Usage = func() {} // package testing asks for it, too
	switch {
	case errors.Is(err, flag.ErrHelp):
		flag.PrintDefaults()
		os.Exit(0)
	case err != nil && strings.HasPrefix(err.Error(), "flag provided but not defined"):
		err = fmt.Errorf("%w; besides those of go test there are -plan, -report, -settings, -strict and -watch", err)
	case err == nil && flag.NArg() > 0:
		err = fmt.Errorf("%q is no flag, and there are no other arguments; values stand behind a =, as in -plan=json", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		os.Exit(2)
	}
	if options.Watch == 0 && testing.Short() {
		options.Watch = harness.ShortWatch
	}
}
