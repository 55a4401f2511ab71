package harness

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/finwait/finwait/harness/report"
)

// judged counts the verdicts of a lab, and prints those that passed. Of a lab
// that failed only those count that did not.
func (r *run) judged(title string, verdicts []verdict, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range verdicts {
		if failed && v.passed() {
			continue
		}
		r.outcomes[v.outcome]++
		r.progress.clear()
		switch {
		case v.outcome == deviating:
			fmt.Fprintf(r.out, "known %s: %s\n", title, v)
		case v.passed():
			fmt.Fprintf(r.out, "ok    %s: %s\n", title, v)
		}
	}
}

// ended counts a lab when its test is over.
func (r *run) ended(t *testing.T, record *report.Lab) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.labs++
	r.progress.end(t.Failed())
	r.progress.clear()
	record.Result = report.Passed
	switch {
	case t.Skipped():
		r.skipped++
		record.Result = report.Skipped
		fmt.Fprintf(r.out, "skip  %s: %s\n", record.Title, record.Reason)
	case t.Failed():
		r.failed++
		record.Result = failedResult(record)
		fmt.Fprintf(r.out, "FAIL  %s\n", record.Title)
	}
	r.archive.add(*record)
}

// failedResult is inconclusive if nothing worse was found.
func failedResult(record *report.Lab) report.Result {
	result := report.Failed
	for _, v := range record.Verdicts {
		switch {
		case v.Outcome == string(inconclusive):
			result = report.Inconclusive
		case !v.Passed:
			return report.Failed
		}
	}
	return result
}

// end prints the summary, writes the report, and turns the exit code of the tests
// into that of the suite.
func (r *run) end(code int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.progress.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait: showing the progress:", err)
		code = max(code, 1)
	}
	if r.labs == 0 {
		return code
	}
	r.summarize()
	if err := r.publish(); err != nil {
		fmt.Fprintln(os.Stderr, "finwait:", err)
		code = max(code, 1)
	}
	if r.options.Strict && r.skipped > 0 && code == 0 {
		fmt.Fprintf(r.out, "-strict: %d labs were skipped\n", r.skipped)
		return 1
	}
	return code
}

// summarize prints the counts.
func (r *run) summarize() {
	judged := 0
	var counts []string
	for _, outcome := range []outcome{reaped, armed, onSchedule, forEver, closed, passing, deviating, early, late, offSchedule, inconclusive} {
		judged += r.outcomes[outcome]
		counts = append(counts, fmt.Sprintf("%d %s", r.outcomes[outcome], outcome))
	}
	fmt.Fprintf(r.out, "%d labs, %d judged: %s; %d skipped, %d failed\n", r.labs, judged, strings.Join(counts, ", "), r.skipped, r.failed)
	if noise := describeNoise(r.archive.noise()); noise != "" {
		fmt.Fprintf(r.out, "      %s\n", noise)
	}
}
