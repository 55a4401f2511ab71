package cases

import (
	"flag"
	"os"
	"testing"

	"github.com/finwait/finwait/harness"
)

var (
	watch  = flag.Duration("watch", 0, "how long to watch a state before judging it by its armed deadline or its schedule (default 2m, with -short 7s)")
	strict = flag.Bool("strict", false, "fail when a case was skipped")
)

func TestMain(m *testing.M) {
	flag.Parse()
	options := harness.Options{Watch: *watch, Strict: *strict}
	if options.Watch == 0 && testing.Short() {
		options.Watch = harness.ShortWatch
	}
	os.Exit(harness.Main(m, options))
}
