package cases

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/finwait/finwait/harness"
)

var (
	watch    = flag.Duration("watch", 0, "how long to watch a state before judging it by its armed deadline or its schedule (default 2m, with -short 7s)")
	strict   = flag.Bool("strict", false, "fail when a case was skipped")
	settings = flag.String("settings", "", "a sysctl.d file whose net.ipv4.tcp_* settings are proven in place of this machine's; a relative path counts from the root of the module")
	reports  = flag.String("report", "", "a directory for index.html, results.json and a folder of evidence for each lab that fails; a relative path counts from the root of the module")
	plan     planFlag
)

// planFlag is -plan or -plan=json.
type planFlag harness.PlanFormat

func (p *planFlag) String() string   { return string(*p) }
func (p *planFlag) IsBoolFlag() bool { return true }

func (p *planFlag) Set(value string) error {
	switch value {
	case "true", string(harness.PlanText):
		*p = planFlag(harness.PlanText)
	case string(harness.PlanJSON):
		*p = planFlag(harness.PlanJSON)
	default:
		return fmt.Errorf("-plan prints text, or with -plan=json JSON")
	}
	return nil
}

func init() {
	flag.Var(&plan, "plan", "print every case with its predicted window, and run nothing; -plan=json for programs")
}

// TestMain runs the cases, or with "serve" as its first argument the program that
// some of them run on a host.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
		return
	}
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "finwait: no arguments but flags, as in -plan=json: %q\n", flag.Args())
		os.Exit(2)
	}
	options := harness.Options{Watch: *watch, Strict: *strict, Settings: *settings, Report: *reports, Plan: harness.PlanFormat(plan)}
	if options.Watch == 0 && testing.Short() {
		options.Watch = harness.ShortWatch
	}
	os.Exit(harness.Main(m, options))
}
