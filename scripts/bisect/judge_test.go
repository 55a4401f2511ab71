package main

import (
	"testing"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lab(result report.Result, reason string) report.Lab {
	return report.Lab{Test: "TestA/IPv4", Result: result, Reason: reason, Hosts: []report.Host{{Name: "client"}}}
}

func TestJudge(t *testing.T) {
	passed := lab(report.Passed, "")
	failed := lab(report.Failed, "client reaped too late,\nafter 3 s")
	unbuilt := report.Lab{Test: "TestA/IPv6", Result: report.Failed, Reason: "adding the link: not supported"}
	for _, test := range []struct {
		what   string
		status int
		said   string
		labs   []report.Lab
		want   answer
		why    string
	}{
		{"all pass", 0, "", []report.Lab{passed, passed}, good, "2 passed"},
		{"a case is for newer kernels", 0, "", []report.Lab{passed, lab(report.Skipped, "needs x")}, good, "1 passed"},
		{"all are", 0, "", []report.Lab{lab(report.Skipped, "needs x")}, skip, "no case is for this kernel: needs x"},
		{"one fails", 1, "", []report.Lab{passed, failed, failed}, bad, "TestA/IPv4: client reaped too late,; and 1 more"},
		{"one fails, and the kernel warns", 1, "vmexec: the kernel complained while the test ran: WARNING", []report.Lab{failed}, bad, "TestA/IPv4: client reaped too late,"},
		{"no reason is given", 1, "", []report.Lab{lab(report.Failed, "")}, bad, "TestA/IPv4: see cases.log"},
		{"the kernel warns", 1, "vmexec: the kernel complained while the test ran: WARNING\nmore", []report.Lab{passed}, bad, "no case failed, but the run did: vmexec: the kernel complained while the test ran: WARNING"},
		{"no lab can be built", 1, "", []report.Lab{unbuilt}, skip, "TestA/IPv6: adding the link: not supported"},
		{"inconclusive", 1, "", []report.Lab{passed, lab(report.Inconclusive, "either")}, skip, "TestA/IPv4: either"},
		{"nothing ran", 1, "", nil, skip, "no case could be run: "},
		{"it does not boot", 125, "vmexec: the guest ended before the test began; its console is empty", nil, skip, "the guest ended before the test began; its console is empty"},
		{"it panics", 125, "vmexec: the kernel panicked: Kernel panic - x; its console ends:\n  x", nil, skip, "the kernel panicked: Kernel panic - x; its console ends:"},
		{"it hangs", 125, "vmexec: the test has not ended within 5m0s of the host's time (-limit)", nil, skip, "the test has not ended within 5m0s of the host's time (-limit)"},
	} {
		r := ran{status: test.status, said: test.said}
		if test.labs != nil {
			r.results = &report.Run{Labs: test.labs}
		}
		got, why, err := r.judge()
		require.NoError(t, err, test.what)
		assert.Equal(t, test.want, got, test.what)
		assert.Equal(t, test.why, why, test.what)
	}
}

func TestTheMachineIsNoCommit(t *testing.T) {
	for status, said := range map[int]string{
		125: "vmexec: packing the guest's files: no space left on device",
		2:   "vmexec: -kernel=\"\": it takes qemu:VMLINUZ or uml:LINUX",
		-1:  "", // vmexec was killed
	} {
		_, _, err := ran{status: status, said: said}.judge()
		assert.ErrorContains(t, err, said)
	}
}
