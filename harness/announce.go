package harness

import (
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
)

// plan prints what is about to happen, and compares it with the time that go
// test leaves.
func (r *run) plan(t *testing.T) error {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	tools, err := findTools()
	if err != nil {
		return err
	}
	var longest variant
	var total, most time.Duration
	for _, v := range r.declared {
		watched := v.watched(kernel, r.options.Watch)
		total += 2 * watched
		if watched > most {
			longest, most = v, watched
		}
	}
	fmt.Fprintf(r.out, "finwait: %v, %s, %d cases in IPv4 and IPv6\n", kernel, tools.version, len(r.declared))
	if r.options.Settings != "" {
		fmt.Fprintf(r.out, "settings of %s\n", r.source)
	}
	for _, note := range r.notes {
		fmt.Fprintf(r.out, "      %s\n", note)
	}
	if most > 0 {
		fmt.Fprintf(r.out, "plan: %s (longest: %s, %v)\n", minutes(most), longest.title(), longest.window(kernel))
	}
	r.printUntold(kernel)
	if err := enoughDescriptors(min(parallel(), 2*len(r.declared))); err != nil {
		return err
	}
	needed := most + setUp
	if slots := parallel(); slots < 2*len(r.declared) {
		needed += total / time.Duration(slots)
	}
	if deadline, limited := t.Deadline(); limited && time.Until(deadline) < needed {
		return fmt.Errorf("the plan takes %s, go test allows %s more: pass -timeout=%s, or watch less with -watch or -short",
			minutes(needed), minutes(time.Until(deadline)), (2 * needed).Round(time.Minute).String())
	}
	return r.progress.show(most, r.out)
}

// printUntold says which cases have a rival that the end alone cannot tell from
// the prediction: how many, or all with -v.
func (r *run) printUntold(kernel kernel) {
	untold := 0
	for _, v := range r.declared {
		blind := v.untold(kernel)
		if blind == "" {
			continue
		}
		untold++
		if testing.Verbose() {
			fmt.Fprintf(r.out, "      %s cannot be told from %s\n", v.title(), blind)
		}
	}
	if untold > 0 {
		fmt.Fprintf(r.out, "      %d have a rival that the moment of the end cannot be told from, only the timers on the way; -plan names them\n", untold)
	}
}

// parallel is how many labs go test runs at once.
func parallel() int {
	slots, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String())
	if err != nil {
		return 1
	}
	return max(1, slots)
}

// minutes writes a long duration as "1 min 49 s".
func minutes(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Minute {
		return tcp.Text(d)
	}
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}
