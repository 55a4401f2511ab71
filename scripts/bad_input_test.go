package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built compiles a command, or with "go test -c" the cases.
func built(t *testing.T, arguments ...string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "binary")
	arguments = append(arguments[:len(arguments)-1:len(arguments)-1], "-o", binary, arguments[len(arguments)-1])
	out, err := exec.Command("go", arguments...).CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// refused runs a command that must fail with one line, run nothing and leave
// the files of the directory as they are.
func refused(t *testing.T, command *exec.Cmd, dir, says string) {
	t.Helper()
	before := listing(t, dir)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, string(out))
	text := strings.TrimPrefix(string(out), "testing: warning: no tests to run\n") // go test's own word on -plan
	assert.Contains(t, text, says)
	assert.Equal(t, 1, strings.Count(text, "\n"), "one line:\n%s", text)
	assert.Equal(t, before, listing(t, dir))
}

// listing are the files below a directory with what they hold.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	}))
	return files
}

// What is wrong on the command line of the cases, in a file or in the
// environment is told in a line, before anything is built.
func TestCasesRefuseBadInput(t *testing.T) {
	t.Parallel()
	binary, dir := built(t, "test", "-c", module+"/cases"), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	file("foreign/diary.txt", "mine")
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	misspelt := file("misspelt.conf", "net.ipv4.tcp_sack = 1\nnet.ipv4.tcp_fin_timeuot = 5\n")
	outside := file("outside.conf", "net.ipv4.tcp_orphan_retries = 256\n")
	long := file("long.conf", strings.Repeat("a", 1<<20+1)+"\n")

	for _, row := range []struct {
		name string
		args []string
		env  string
		says string
	}{
		{name: "a negative length of time", args: []string{"-watch=-5s"}, says: `"-5s" for flag -watch: give a length of time above zero with its unit, as 90s`},
		{name: "no length of time", args: []string{"-watch=abc"}, says: `"abc" for flag -watch: give a length of time`},
		{name: "zero", args: []string{"-watch=0"}, says: `"0" for flag -watch: give a length of time`},
		{name: "a number without a unit", args: []string{"-watch=5"}, says: `"5" for flag -watch: give a length of time`},
		{name: "no value", args: []string{"-watch"}, says: "flag needs an argument: -watch"},
		{name: "neither true nor false", args: []string{"-strict=maybe"}, says: `"maybe" for -strict: write -strict or -strict=false`},
		{name: "an unknown format", args: []string{"-plan=xml"}, says: `"xml" for -plan: write -plan for text or -plan=json for JSON`},
		{name: "a format as an argument", args: []string{"-plan", "json"}, says: `"json" is no flag, and there are no other arguments; values stand behind a =, as in -plan=json`},
		{name: "an argument", args: []string{"all"}, says: `"all" is no flag`},
		{name: "an unknown flag", args: []string{"-watchs=1s"}, says: "not defined: -watchs; besides those of go test there are -plan, -report, -settings, -strict and -watch"},
		{name: "an unset variable", args: []string{"-settings="}, says: "-settings: the path is empty; leave the flag out to go without"},
		{name: "no file", args: []string{"-settings=/no/such.conf"}, says: "reading the settings: stat /no/such.conf: no such file or directory"},
		{name: "a directory", args: []string{"-settings=" + dir}, says: "reading the settings: " + dir + " is no file: name one of sysctl.d"},
		{name: "a device", args: []string{"-settings=/dev/zero"}, says: "reading the settings: /dev/zero is no file: name one of sysctl.d"},
		{name: "a program", args: []string{"-settings=" + binary}, says: binary + ":1: a NUL byte: this is no text file"},
		{name: "a misspelt sysctl", args: []string{"-settings=" + misspelt}, says: misspelt + ":2: unknown sysctl net.ipv4.tcp_fin_timeuot; did you mean tcp_fin_timeout?"},
		{name: "a relative path", args: []string{"-settings=scripts/testdata/misspelt.conf"}, says: root + "/scripts/testdata/misspelt.conf:2: unknown sysctl net.ipv4.tcp_fin_timeuot; did you mean tcp_fin_timeout?"},
		{name: "a value out of range", args: []string{"-settings=" + outside}, says: outside + ":1: tcp_orphan_retries=256 is outside 0 to 255"},
		{name: "a huge line", args: []string{"-settings=" + long}, says: long + ":1: longer than 1048576 bytes"},
		{name: "no directory", args: []string{"-report="}, says: "-report: the path is empty; leave the flag out to go without"},
		{name: "a file for a report", args: []string{"-report=" + misspelt}, says: "opening the report: mkdir " + misspelt + ": not a directory: name a directory that can be written to"},
		{name: "below a file", args: []string{"-report=" + misspelt + "/below"}, says: "not a directory: name a directory that can be written to"},
		{name: "where nothing can be written", args: []string{"-report=/proc/report"}, says: "opening the report: mkdir /proc/report: no such file or directory: name a directory that can be written to"},
		{name: "a directory of something else", args: []string{"-report=" + foreign}, says: "opening the report: " + foreign + " is not empty, and holds no report: name another directory"},
		{name: "no case", args: []string{"-plan", "-test.run=FinWiat1"}, says: "no case is left to run with -run=FinWiat1; -list=. names all"},
		{name: "no case in JSON", args: []string{"-plan=json", "-test.skip=."}, says: "no case is left to run with -skip=.; -list=. names all"},
		{name: "no pattern", args: []string{"-plan", "-test.run=FinWait("}, says: "missing closing )"},
		{name: "none at once", args: []string{"-plan", "-test.parallel=0"}, says: "-parallel can only be given a positive integer"},
		{name: "no number at once", args: []string{"-test.parallel=many"}, says: `"many" for flag -test.parallel`},
		{name: "a directory for the summary", env: "GITHUB_STEP_SUMMARY=" + dir, says: "GITHUB_STEP_SUMMARY names no file that can be appended to: open " + dir + ": is a directory"},
		{name: "nowhere for the summary", env: "GITHUB_STEP_SUMMARY=/no/such/summary", says: "GITHUB_STEP_SUMMARY names no file that can be appended to: open /no/such/summary: no such file or directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			command := exec.Command(binary, row.args...)
			command.Dir, command.Env = casesDir, append(os.Environ(), row.env)
			refused(t, command, dir, row.says)
		})
	}
}

// A run that cannot begin, here for want of time or of privileges, leaves an
// earlier report as it is.
func TestCasesLeaveAnEarlierReport(t *testing.T) {
	t.Parallel()
	binary, dir := built(t, "test", "-c", module+"/cases"), t.TempDir()
	for _, name := range []string{"index.html", "results.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("earlier"), 0o600))
	}
	before := listing(t, dir)
	command := exec.Command(binary, "-report="+dir, "-test.timeout=1s")
	command.Dir = casesDir
	out, err := command.CombinedOutput()
	require.Error(t, err)
	assert.Regexp(t, `pass -timeout=|the suite cannot run here`, string(out))
	assert.NotRegexp(t, `(?m)^ok `, string(out))
	assert.Equal(t, before, listing(t, dir))
}

func TestPlanRefusesBadInput(t *testing.T) {
	t.Parallel()
	binary, dir := built(t, "build", "./plan"), t.TempDir()
	const flags = " (the flags are -settings FILE, -run PATTERN and -json)\n"
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"an argument", []string{"my.conf"}, `plan: "my.conf" is no flag, and there are no other arguments` + flags},
		{"neither true nor false", []string{"-json=maybe"}, `plan: invalid boolean value "maybe" for -json: parse error` + flags},
		{"an unknown flag", []string{"-xml"}, "plan: flag provided but not defined: -xml" + flags},
		{"no value", []string{"-settings"}, "plan: flag needs an argument: -settings" + flags},
		{"an unset variable", []string{"-settings", ""}, "plan: the path behind -settings is empty; leave the flag out to take this machine's settings" + flags},
		{"no file", []string{"-settings", "/no/such.conf"}, "finwait: reading the settings: stat /no/such.conf: no such file or directory\n"},
		{"no case", []string{"-run", "FinWiat1"}, "finwait: no case is left to run with -run=FinWiat1; -list=. names all\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			refused(t, exec.Command(binary, row.args...), dir, row.says)
		})
	}
}
