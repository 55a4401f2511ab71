package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A history is a git repository elsewhere of a few files in a kernel's tree: those that
// its commits change. Git knows nothing of the others.
type history struct {
	tree string
	env  []string
}

// newHistory begins one with the tree as it is, and has it so again in the end.
func newHistory(t *testing.T, tree string, files ...string) history {
	t.Helper()
	h := history{tree: tree, env: append(os.Environ(),
		"GIT_DIR="+filepath.Join(t.TempDir(), "git"), "GIT_WORK_TREE="+tree, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=finwait", "GIT_AUTHOR_EMAIL=finwait@example.com", "GIT_COMMITTER_NAME=finwait", "GIT_COMMITTER_EMAIL=finwait@example.com")}
	h.git(t, "init", "--quiet", "--initial-branch=master")
	h.git(t, append([]string{"add", "--force"}, files...)...)
	h.git(t, "commit", "--quiet", "--message=base")
	h.git(t, "tag", "base")
	t.Cleanup(func() { h.git(t, "checkout", "--quiet", "--force", "base") })
	return h
}

func (h history) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Dir, command.Env = h.tree, h.env
	return command
}

func (h history) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.command("git", args...).CombinedOutput()
	require.NoError(t, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// commit replaces a text in a file, or appends it where there is nothing to replace.
func (h history) commit(t *testing.T, subject, file, before, after string) {
	t.Helper()
	path := filepath.Join(h.tree, file)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := string(text) + after
	if before != "" {
		require.Equal(t, 1, strings.Count(string(text), before), "%s has %q", file, before)
		changed = strings.Replace(string(text), before, after, 1)
	}
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o644))
	h.git(t, "commit", "--quiet", "--all", "--message="+subject)
}

const (
	commits = 64
	culprit = "tcp: an orphan has a retry more"
)

// make64 makes the history: the first good commit is the base, the culprit is the 45th.
// The 32nd, which git bisect asks for first, does not compile, and the 48th, tagged
// unlinkable, does not link; the commits behind them mend that.
func (h history) make64(t *testing.T, files []string) {
	t.Helper()
	const timer = "net/ipv4/tcp_timer.c"
	const retries, more = "sysctl_tcp_orphan_retries); /* May be zero. */", "sysctl_tcp_orphan_retries) + 1; /* May be zero. */"
	const broken, unlinked = "\nint does_not_compile(void) { return undeclared; }\n", "\nint nowhere(void);\nint does_not_link(void) { return nowhere(); }\n"
	for n := 1; n <= commits; n++ {
		switch n {
		case 32:
			h.commit(t, "tcp: does not compile", files[0], "", broken)
		case 33:
			h.commit(t, "tcp: compiles again", files[0], broken, "")
		case 45:
			h.commit(t, culprit, timer, retries, more)
		case 48:
			h.commit(t, "tcp: does not link", files[1], "", unlinked)
			h.git(t, "tag", "unlinkable")
		case 49:
			h.commit(t, "tcp: links again", files[1], unlinked, "")
		default:
			harmless := fmt.Sprintf("\nstatic int __maybe_unused harmless_%d(void) { return %d; }\n", n, n)
			h.commit(t, fmt.Sprintf("tcp: harmless patch %d", n), files[n%len(files)], "", harmless)
		}
	}
}
