package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatGivesAMutantAway(t *testing.T) {
	for text, want := range map[string]how{
		"client reaped from FIN_WAIT_1 too early, after 1.018 s, window 1.600 to 1.672 s":                                                end,
		"client was not held in CLOSING (passed unseen, if ever): it is TIME_WAIT":                                                       end,
		"client in FIN_WAIT_1 not as predicted: timeout 2 due after 0.603 to 0.607 s, not 0.800 to 0.848 s; lasted 9 s, window 1 to 2 s": deadline,
		"client in FIN_WAIT_2 not as predicted: the keepalive timer was armed for 60.000 s, not 3.000 s; lasted 3.1 s, window 3 to 4 s":  deadline,
		"client in ESTABLISHED not as predicted: held by the keepalive timer, not the persist timer; lasted 3.1 s":                       deadline,
		"client in FIN_WAIT_1 not as predicted: on the wire FIN,ACK left after 3 s, when the last timer had nothing more to send":        segments,
		"client answered 4 FINs 3 times, not 4 FINs 4 times":                                                                             segments,
		"client was reaped from FIN_WAIT_1, but TCPAbortOnTimeout moved by 0, not 1":                                                     counters,
		`client: the call that was waiting was told "ECONNRESET", not "ETIMEDOUT"`:                                                       errno,
		`Error: Expected error with "broken pipe" in chain but got nil.`:                                                                 errno,
		"the freeze of the client dropped no packet: nothing was tested":                                                                 other,
		"client: close took 0.000 s, not 1 to 3 s":                                                                                       end,
		"client is gone, should have stayed in FIN_WAIT_2 for 1.5s":                                                                      end,
		"Error: Should be true": other,
	} {
		assert.Equal(t, want, howOf(text), text)
	}
}

func TestReadFailures(t *testing.T) {
	dir := t.TempDir()
	run := report.Run{Labs: []report.Lab{
		{Test: "TestA/x=1/IPv4", Family: "IPv4", Result: report.Failed, Reason: "server went from LAST_ACK to TIME_WAIT"},
		{Test: "TestA/x=1/IPv6", Family: "IPv6", Result: report.Passed},
		{Test: "TestB/IPv6", Family: "IPv6", Result: report.Failed},
	}}
	var text bytes.Buffer
	require.NoError(t, run.Write(&text))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "results.json"), text.Bytes(), 0o644))
	failures, err := readFailures(dir, `
--- FAIL: TestB (0.00s)
    --- FAIL: TestB/IPv6 (0.01s)
        b_test.go:20: 
            	Error:      	Expected error with "broken pipe" in chain but got nil.
    --- PASS: TestB/IPv4 (0.01s)
FAIL
`)
	require.NoError(t, err)
	require.Len(t, failures, 2)
	assert.Equal(t, failure{"TestA", "IPv4", end, "server went from LAST_ACK to TIME_WAIT"}, failures[0])
	assert.Equal(t, "TestB", failures[1].test)
	assert.Equal(t, errno, failures[1].how)
	assert.NotContains(t, failures[1].text, "PASS")

	require.NoError(t, os.Remove(filepath.Join(dir, "results.json")))
	_, err = readFailures(dir, "")
	assert.Error(t, err)
}

func TestUnmetExpectations(t *testing.T) {
	p := patch{caught: []expectation{{"TestA", "", []how{end}}, {"TestB", "IPv6", []how{segments}}}}
	a, b := failure{test: "TestA", family: "IPv4", how: end}, failure{test: "TestB", family: "IPv6", how: segments}
	assert.Empty(t, p.unmet([]failure{a, b}))
	assert.Equal(t, []string{"TestB/IPv6 (segments)"}, p.unmet([]failure{a}))
	a.how = deadline
	assert.Equal(t, []string{"TestA (end)"}, p.unmet([]failure{a, b}))
	both := failure{test: "TestB", family: "IPv4", how: segments}
	assert.Contains(t, p.unmet([]failure{a, b, both}), "TestB/IPv6 (segments) alone")
}
