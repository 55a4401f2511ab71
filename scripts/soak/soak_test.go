package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// newSoak has directories, and no compiled tests.
func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{random: rand.New(rand.NewPCG(1, 0)), root: t.TempDir(), scratch: t.TempDir()}
	s.temporary = filepath.Join(s.scratch, "tmp")
	s.disk = filepath.Join(s.temporary, "disk")
	require.NoError(t, os.MkdirAll(s.disk, 0o700))
	return s
}

func TestCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, check([]string{"kills", "mistakes"}, time.Second, nil))
	assert.EqualError(t, check([]string{"kill"}, time.Second, nil), `-part has kills, pressure and mistakes, not "kill"`)
	assert.EqualError(t, check(nil, 0, nil), "-for must be longer than 0 s, not 0s")
	assert.EqualError(t, check(nil, time.Second, []string{"kills"}), `no arguments but flags: ["kills"]`)
}

// What is new, other or gone is left; a module that was loaded is not.
func TestDiffers(t *testing.T) {
	t.Parallel()
	before := host{"link lo": "1", "rules of iptables-save": "", "sysctl /proc/sys/net/a": "1", "mount on /x of /": "rw"}
	assert.Empty(t, before.differs(before))
	assert.Equal(t, []string{
		"file /run/netns/x", "link veth0 2", "mount on /x of / is gone", "rules of iptables-save: -A INPUT, was ", "sysctl /proc/sys/net/a: 2, was 1",
	}, before.differs(host{
		"link lo": "1", "link veth0": "2", "rules of iptables-save": "-A INPUT", "file /run/netns/x": "",
		"sysctl /proc/sys/net/a": "2", "sysctl /proc/sys/net/netfilter/new": "1",
	}))
}

// Files are found, but for those of Go's own.
func TestLookAtFiles(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	before := host{}
	require.NoError(t, s.lookAtFiles(before))
	kept, ours := filepath.Join(s.disk, "report"), filepath.Join(s.root, "core")
	for _, path := range []string{kept, ours} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(s.temporary, "go-build7", "b001"), 0o700))
	now := host{}
	require.NoError(t, s.lookAtFiles(now))
	assert.ElementsMatch(t, []string{"file " + kept, "file " + ours}, before.differs(now))
}

// A process that outlives what started it is found, and killed.
func TestOrphanIsFound(t *testing.T) {
	require.NoError(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	s := newSoak(t)
	require.NoError(t, os.Mkdir(filepath.Join(s.root, "cases"), 0o700))
	r, err := s.start("cases", "sh", "-c", "setsid env -i sleep 61.5 & exit 3")
	require.NoError(t, err)
	require.NoError(t, r.end(t.Context(), patience))
	require.Equal(t, 3, r.err.(*exec.ExitError).ExitCode())

	processes, err := descendants()
	require.NoError(t, err)
	left, err := s.left(host{}, processes)
	require.NoError(t, err)
	require.NotEmpty(t, left)
	assert.Regexp(t, `^process \d+: .*(sleep 61\.5|setsid)`, left[0])

	require.NoError(t, killDescendants())
	assert.Eventually(t, func() bool {
		reapErr := reap(nil)
		all, err := descendants()
		return errors.Join(reapErr, err) == nil && len(all) == 0
	}, 10*time.Second, lookPace)
}

func TestBelow(t *testing.T) {
	t.Parallel()
	tree := below([]process{{pid: 2, parent: 1}, {pid: 3, parent: 1}, {pid: 4, parent: 3}, {pid: 5, parent: 4}, {pid: 6, parent: 2}}, 3)
	assert.Equal(t, []process{{pid: 3, parent: 1}, {pid: 4, parent: 3}, {pid: 5, parent: 4}}, tree)
}

// Every victim is told from the others of a run.
func TestVictimsAreFound(t *testing.T) {
	t.Parallel()
	tree := []process{
		{pid: 1, name: "make", args: []string{"make", "cases"}},
		{pid: 2, parent: 1, name: "go", args: []string{"go", "test"}},
		{pid: 3, parent: 2, name: "cases.test", args: []string{"/tmp/cases.test", "-watch=2s"}},
		{pid: 4, parent: 3, name: "cases.test", args: []string{"/tmp/cases.test", "-watch=2s"}}, // forked, runs its program soon
		{pid: 5, parent: 3, name: "ip6tables-restor", args: []string{"/usr/sbin/ip6tables-restore"}},
		{pid: 6, parent: 3, name: "cases.test", args: []string{"/tmp/cases.test", "serve", "192.0.2.2:6000", "exit"}},
	}
	for pid, wanted := range map[int]func(process, []process) bool{1: isMake, 2: isGoTest, 3: isBinary, 5: isIptables, 6: isProgram} {
		for _, p := range tree {
			assert.Equal(t, p.pid == pid, wanted(p, tree), "%d: %v", pid, p)
		}
	}
}

// A failure is a false alarm, and what fails without one, too.
func TestCountLabs(t *testing.T) {
	t.Parallel()
	s, c := newSoak(t), count{}
	for _, result := range []report.Result{report.Passed, report.Inconclusive, report.Skipped, report.Failed} {
		s.countLab(pressure{name: "idle"}, report.Lab{Title: "LAST_ACK", Result: result, Reason: "too late", Verdicts: []report.Verdict{{Text: "late"}, {Text: "fine", Passed: true}}}, "", &c)
	}
	assert.Equal(t, count{labs: 4, passed: 1, inconclusive: 1, skipped: 1, alarms: 1}, c)
	require.Len(t, s.faults, 1)
	assert.Contains(t, s.faults[0], "idle: LAST_ACK: too late\n    late\n")

	path := filepath.Join(s.scratch, "log")
	require.NoError(t, os.WriteFile(path, []byte("FAIL"), 0o600))
	require.NoError(t, s.countLabs(pressure{name: "idle"}, &run{log: path}, filepath.Join(s.scratch, "results.json"), &c))
	assert.Contains(t, s.faults[1], "idle: the run wrote no report")
	assert.Equal(t, 2, c.alarms)
}

// Where the report says nothing of a failure go test does.
func TestTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/IPv4 (1.00s)\n        a_test.go:3: 0 s is less than 1 s\n    --- FAIL: TestA/IPv6 (1.00s)\n"), 0o600))
	told := (&run{log: path}).told("TestA/IPv4")
	assert.Equal(t, "(1.00s)\n        a_test.go:3: 0 s is less than 1 s\n    ", told)
	assert.Equal(t, told, explain(report.Lab{}, told))
	assert.Equal(t, "too late", explain(report.Lab{Reason: "too late"}, told))
}

func TestTooUncertain(t *testing.T) {
	t.Parallel()
	assert.False(t, tooUncertain(count{labs: 336, inconclusive: 1}))
	assert.True(t, tooUncertain(count{labs: 336, inconclusive: 2}))
	assert.True(t, tooUncertain(count{labs: 2000, inconclusive: 3}))
}

// A mistake that passes is found among those that are refused.
func TestCountRefusals(t *testing.T) {
	t.Parallel()
	s, c, different := newSoak(t), refusal{}, map[string]bool{}
	s.countRefusals(pressure{name: "idle"}, `=== RUN   TestMistakenValue
=== RUN   TestMistakenValue/TestA
=== PAUSE TestMistakenValue/TestA
=== RUN   TestMistakenValue/TestB
=== RUN   TestMistakenHost
=== NAME  TestMistakenValue/TestB
    mistakes_test.go:50:
        	Messages:   	the mistake passed
=== NAME  TestMistakenHost
    mistakes_test.go:51: "too late" does not contain "too early"
--- FAIL: TestMistakenHost (2.00s)
--- FAIL: TestMistakenValue (0.00s)
    --- PASS: TestMistakenValue/TestA (1.00s)
    --- FAIL: TestMistakenValue/TestB (1.00s)
FAIL
`, &c, different)
	assert.Equal(t, refusal{refused: 1, otherwise: 1, passed: 1}, c)
	assert.Equal(t, map[string]bool{"TestMistakenValue/TestA": true}, different)
	assert.Equal(t, []string{"idle: TestMistakenValue/TestB: the mistake passed"}, s.faults)
}

// The run that was stopped at random goes on when the pressure is released.
func TestStopAtRandom(t *testing.T) {
	s := newSoak(t)
	require.NoError(t, os.Mkdir(filepath.Join(s.root, "cases"), 0o700))
	r, err := s.start("cases", "sh", "-c", "while :; do :; done")
	require.NoError(t, err)
	pid := r.command.Process.Pid
	release := pressure{begin: stopAtRandom}.apply(t.Context(), s.random, r)
	assert.Eventually(t, func() bool { return stopped(t, pid) }, 10*time.Second, time.Millisecond)
	require.NoError(t, release())
	assert.False(t, stopped(t, pid))
	require.NoError(t, unix.Kill(pid, unix.SIGKILL))
	<-r.done
}

func stopped(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	return strings.Contains(string(stat), ") T ")
}

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	bytes, err := availableMemory()
	require.NoError(t, err)
	assert.Greater(t, bytes, 1<<20)
}
