package cases

import (
	"os"
	"testing"

	"github.com/finwait/finwait/harness"
)

// TestMain runs the cases, or with "serve" or "connect" as its first argument one of
// the programs that some of them run on a host.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "connect" {
		connect(os.Args[2], os.Args[3])
		return
	}
	parseFlags()
	os.Exit(harness.Main(m, options))
}
