package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A task is a test with its arguments, and what they say of files. All paths are
// absolute.
type task struct {
	binary string
	args   []string // without those that are no concern of a guest
	dir    string   // where the test is run
	root   string   // of the module; dir where there is none
	// settings is a file that is read, empty if none.
	settings string
	// report is the directory of the report, empty if none.
	report string
	// outputs are files and directories besides that are written.
	outputs []string
	// timeout is that of go test, 0 if there is none.
	timeout time.Duration
}

// Flags of go test that take a path to write to. The value says whether a relative
// one counts from -test.outputdir (toOutputDir in package testing, which coverage does
// without since Go 1.20).
var written = map[string]bool{
	"test.coverprofile": false, "test.cpuprofile": true, "test.memprofile": true, "test.blockprofile": true,
	"test.mutexprofile": true, "test.trace": true, "test.gocoverdir": false,
}

// left are flags that a guest does not get: -test.timeout would count the guest's
// time, and without the log of what was read go test does not take the result for
// one that it may repeat: it does not know the kernel.
var left = []string{"test.timeout", "test.testlogfile"}

// newTask reads the arguments of a test that is started in dir, which is a path
// without symbolic links.
func newTask(dir string, test []string) (task, error) {
	t := task{binary: absolute(dir, test[0]), dir: dir, root: moduleRoot(dir)}
	outputdir, artifacts := dir, false
	type output struct {
		path     string
		relative bool // to -test.outputdir
	}
	var outputs []output
	for i := 1; i < len(test); i++ {
		name, value, joined := flagOf(test[i])
		n := 1
		if takesValue(name) && !joined && i+1 < len(test) {
			value, n = test[i+1], 2
		}
		if name == "test.timeout" {
			var err error
			if t.timeout, err = time.ParseDuration(value); err != nil {
				return task{}, fmt.Errorf("reading -%s: %w", name, err)
			}
		}
		if slices.Contains(left, name) {
			i += n - 1
			continue
		}
		t.args = append(t.args, test[i:i+n]...)
		i += n - 1
		relative, isOutput := written[name]
		switch {
		case value == "":
			artifacts = artifacts || name == "test.artifacts"
		case isOutput:
			outputs = append(outputs, output{value, relative})
		case name == "test.artifacts":
			artifacts = value == "true"
		case name == "test.outputdir":
			outputdir = absolute(dir, value)
		case name == "settings":
			t.settings = absolute(t.root, value)
		case name == "report":
			t.report = absolute(t.root, value)
		}
	}
	for _, o := range outputs {
		base := dir
		if o.relative {
			base = outputdir
		}
		t.outputs = append(t.outputs, absolute(base, o.path))
	}
	if artifacts {
		t.outputs = append(t.outputs, filepath.Join(outputdir, "_artifacts"))
	}
	return t, nil
}

// warning is what to say before a run that go test may end before limit does; empty
// if there is nothing to say. go test kills what it has started a minute after its
// -timeout (testKillTimeout in cmd/go/internal/test, Go 1.26).
func (t task) warning(limit time.Duration) string {
	if t.timeout <= 0 || t.timeout >= limit {
		return ""
	}
	return fmt.Sprintf("go test ends this run a minute after its -timeout=%v, in the host's time: for -limit=%v give it -timeout=%v as well", t.timeout, limit, limit)
}

// flagOf is the name of a flag, and its value where there is one behind a =.
func flagOf(arg string) (name, value string, joined bool) {
	if !strings.HasPrefix(arg, "-") {
		return "", "", false
	}
	return strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
}

// takesValue reports whether a flag of interest has a value, which may be the next
// argument.
func takesValue(name string) bool {
	_, isOutput := written[name]
	return isOutput || slices.Contains(left, name) || slices.Contains([]string{"test.outputdir", "settings", "report"}, name)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// moduleRoot is where go.mod is, in dir or above; dir where there is none.
func moduleRoot(dir string) string {
	for root := dir; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root
		}
		if root == filepath.Dir(root) {
			return dir
		}
	}
}
