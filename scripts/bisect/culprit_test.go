package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of 64 commits, one of which breaks tcp_orphan_retries, git bisect run names that one
// in less than ten minutes, once the tree has been built.
func TestFindsTheCulprit(t *testing.T) {
	tree := requireTree(t)
	program := requireProgram(t)
	files := []string{"net/ipv4/tcp.c", "net/ipv4/tcp_input.c", "net/ipv4/tcp_output.c", "net/ipv4/tcp_timer.c", "net/ipv4/tcp_minisocks.c"}
	h := newHistory(t, tree, files...)

	begun := time.Now()
	out, err := h.command(program, "-run=TestFinWait1Reaped$").CombinedOutput()
	require.NoError(t, err, "the base is not good: %s", out)
	t.Logf("the base, in %v:\n%s", time.Since(begun).Round(time.Second), out)

	h.make64(t, files)
	h.git(t, "checkout", "--quiet", "unlinkable")
	command := h.command(program, "-run=TestFinWait1Reaped$")
	out, err = command.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, int(skip), command.ProcessState.ExitCode())
	assert.Contains(t, string(out), "undefined reference to")

	h.git(t, "checkout", "--quiet", "master")
	h.git(t, "bisect", "start", "HEAD", "base")
	begun = time.Now()
	out, err = h.command("git", "bisect", "run", program, "-run=TestFinWait1Reaped$").CombinedOutput()
	took := time.Since(begun)
	t.Logf("git bisect run, in %v:\n%s", took.Round(time.Second), out)
	require.NoError(t, err)
	assert.Equal(t, culprit, h.git(t, "log", "-1", "--format=%s", "refs/bisect/bad"))
	assert.Contains(t, string(out), "is the first bad commit")
	assert.Regexp(t, `skip: \S+ tcp: does not compile .*undeclared`, string(out))
	assert.Less(t, took, 10*time.Minute)
	assert.Empty(t, h.git(t, "status", "--porcelain", "--untracked-files=no"), "the tree is not clean")
}
