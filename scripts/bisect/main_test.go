package main

import (
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/finwait/finwait/scripts/uml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	selected, err := parseFlags([]string{"-run", "TestA|TestB", "-short"})
	require.NoError(t, err)
	assert.Equal(t, []string{"-test.run=TestA|TestB", "-test.short"}, selected)
	selected, err = parseFlags([]string{"-run=.", "-watch=3h"})
	require.NoError(t, err)
	assert.Equal(t, []string{"-test.run=.", "-watch=3h"}, selected)
	for _, wrong := range [][]string{nil, {"-run=TestA", "TestB"}, {"TestA"}} {
		_, err := parseFlags(wrong)
		assert.Error(t, err, wrong)
	}
}

// Any other status than these would have git bisect go on, or call the commit bad.
func TestMisuseStops(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{nil, {"-h"}, {"-nonsense"}, {"-run=TestFinWait1Reaped"}} {
		assert.Equal(t, stop, answerOf(t.Context(), args), args)
	}
	assert.GreaterOrEqual(t, int(stop), 128)
	assert.Equal(t, 130, int(interrupted))
}

func TestOnlyTheCommitIsBlamed(t *testing.T) {
	failed := &uml.BuildError{Step: "make linux", Err: errors.New("exit status 2"), Last: []string{
		"  CC      net/ipv4/tcp_timer.o", "net/ipv4/tcp_timer.c:7:2: error: 'x' undeclared", "make[1]: *** [tcp_timer.o] Error 1"}}
	var commit *commitError
	err := blame(failed)
	require.ErrorAs(t, err, &commit)
	assert.EqualError(t, err, "does not build: net/ipv4/tcp_timer.c:7:2: error: 'x' undeclared")
	require.ErrorAs(t, blame(&uml.BuildError{Err: errors.New("this source cannot have VETH")}), &commit)
	for _, line := range []string{"cc1: fatal error: x.o: No space left on device", "make[1]: *** [Makefile:1: x.o] Interrupt"} {
		other := &uml.BuildError{Err: failed.Err, Last: append(slices.Clone(failed.Last), line)}
		assert.EqualError(t, blame(other), "building the kernel: "+line)
		assert.False(t, errors.As(blame(other), &commit))
	}
	killed := exec.Command("sh", "-c", "kill -INT $$").Run()
	assert.EqualError(t, blame(&uml.BuildError{Err: killed}), "building the kernel: signal: interrupt")
}

func TestALinePerCommit(t *testing.T) {
	j := judgement{answer: skip, commit: "1a2b3c4 tcp: x", why: "does not build:\n  x", built: 4 * time.Second}
	assert.Equal(t, "skip: 1a2b3c4 tcp: x (built in 4 s): does not build: x", j.String())
	j.answer, j.why, j.took = good, "8 passed", 2*time.Second
	assert.Equal(t, "good: 1a2b3c4 tcp: x (built in 4 s, run in 2 s): 8 passed", j.String())
}
