package main

import (
	"fmt"
	"strings"

	"github.com/finwait/finwait/harness/report"
)

// Exit statuses of vmexec.
const (
	statusPassed = 0
	statusFailed = 1
	statusLost   = 125 // the guest never said how the cases ended
)

// ofTheGuest is how vmexec begins to say what a guest did; anything else happened on
// the machine.
var ofTheGuest = []string{"vmexec: the guest ", "vmexec: the kernel ", "vmexec: the test "}

// judge is the answer that a run gives, and why. An error is of anything but the
// commit.
func (r ran) judge() (answer, string, error) {
	first, _, _ := strings.Cut(r.said, "\n")
	switch {
	case r.status == statusLost && hasPrefix(first, ofTheGuest):
		return skip, strings.TrimPrefix(first, "vmexec: "), nil
	case r.status != statusPassed && r.status != statusFailed:
		return stop, "", fmt.Errorf("running the cases: status %d: %s", r.status, oneLine(r.said))
	case r.results == nil || len(r.results.Labs) == 0:
		return skip, "no case could be run: " + r.said, nil
	}
	failed, unbuilt, judged := r.count()
	switch {
	case len(failed) > 0:
		return bad, told(failed), nil
	case len(unbuilt) > 0:
		return skip, told(unbuilt), nil
	case r.status == statusFailed:
		return bad, "no case failed, but the run did: " + first, nil
	case judged == 0:
		return skip, "no case is for this kernel: " + r.results.Labs[0].Reason, nil
	}
	return good, fmt.Sprintf("%d passed", judged), nil
}

// count sorts the labs: those that failed, those that came to no result, as they could
// not be built or are inconclusive, and how many passed.
func (r ran) count() (failed, none []report.Lab, passed int) {
	for _, lab := range r.results.Labs {
		switch {
		case lab.Result == report.Inconclusive, lab.Result == report.Failed && len(lab.Hosts) == 0:
			none = append(none, lab)
		case lab.Result == report.Failed:
			failed = append(failed, lab)
		case lab.Result == report.Passed:
			passed++
		}
	}
	return failed, none, passed
}

// told is the first lab and its first line, and how many others there are.
func told(labs []report.Lab) string {
	reason, _, _ := strings.Cut(labs[0].Reason, "\n")
	if reason == "" {
		reason = "see cases.log"
	}
	text := fmt.Sprintf("%s: %s", labs[0].Test, reason)
	if more := len(labs) - 1; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func hasPrefix(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
