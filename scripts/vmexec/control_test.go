package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sent(t *testing.T, messages ...message) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, m := range messages {
		require.NoError(t, send(&out, m))
	}
	return out.Bytes()
}

// Whatever a guest had told before it ended is told, and no part of more.
func TestReceive(t *testing.T) {
	content := strings.Repeat("a line\n{\"Kind\":\"exited\"}\n", 1000)
	whole := sent(t, message{Kind: started}, message{Kind: wrote, Path: "/r/x", Mode: 0o644, content: []byte(content)}, message{Kind: exited, Status: 3})
	for end := range len(whole) + 1 {
		from := bufio.NewReader(bytes.NewReader(whole[:end]))
		kinds := []messageKind{}
		for {
			m, err := receive(from)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			kinds = append(kinds, m.Kind)
			if m.Kind == wrote {
				require.Equal(t, content, string(m.content))
			}
			if m.Kind == exited {
				require.Equal(t, 3, m.Status)
				require.Equal(t, len(whole), end)
			}
		}
		require.Equal(t, []messageKind{started, wrote, exited}[:len(kinds)], kinds)
	}
}

func TestReceiveNonsense(t *testing.T) {
	_, err := receive(bufio.NewReader(strings.NewReader("login: \n")))
	require.ErrorContains(t, err, `the guest tells "login: \n"`)
}

// A guest writes what the test may write, and nothing else of the host's.
func TestDelivery(t *testing.T) {
	dir := t.TempDir()
	report := filepath.Join(dir, "report")
	require.NoError(t, os.MkdirAll(filepath.Join(report, "failed/old"), 0o755))
	back, err := newDelivery(task{report: report, outputs: []string{filepath.Join(dir, "cpu.out")}})
	require.NoError(t, err)
	write := func(path string) error { return back.accept(message{Path: path, Mode: 0o600, content: []byte("x")}) }

	require.NoError(t, write(filepath.Join(dir, "cpu.out")))
	assert.DirExists(t, filepath.Join(report, "failed/old"), "nothing of a new report came so far")
	require.NoError(t, write(filepath.Join(report, "failed/new/rerun.txt")))
	require.NoError(t, write(filepath.Join(report, "results.json")))
	assert.NoDirExists(t, filepath.Join(report, "failed/old"))
	assert.FileExists(t, filepath.Join(report, "failed/new/rerun.txt"))
	for _, path := range []string{"/etc/passwd", dir + "/cpu.out2", report + "/../other", report + "2/x", "results.json"} {
		require.ErrorContains(t, write(path), "none of the test's files", path)
	}
}

// Files count that are new or have changed.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"same", "newer"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	before := list([]string{dir, "/nowhere"})
	require.NoError(t, os.Chtimes(filepath.Join(dir, "newer"), before[dir+"/same"].Add(1e9), before[dir+"/same"].Add(1e9)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new"), nil, 0o644))
	assert.Equal(t, []string{dir + "/new", dir + "/newer"}, before.changed(list([]string{dir})))
}
