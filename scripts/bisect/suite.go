package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/scripts/guest"
)

// guestLimit is how long a guest may take. All cases together take a minute.
const guestLimit = 5 * time.Minute

// A suite is the cases, and what runs them on a kernel. "make bisect" puts both beside
// this program: so it is the same for all commits, whatever is edited meanwhile.
type suite struct {
	dir           string // of package cases
	vmexec, cases string
}

func findSuite() (suite, error) {
	self, err := os.Executable()
	if err != nil {
		return suite{}, fmt.Errorf("finding the cases: %w", err)
	}
	beside := filepath.Dir(self)
	s := suite{filepath.Join(beside, "..", "..", "cases"), filepath.Join(beside, "vmexec"), filepath.Join(beside, "cases.test")}
	for _, path := range []string{s.dir, s.vmexec, s.cases} {
		if _, err := os.Stat(path); err != nil {
			return suite{}, fmt.Errorf("finding the cases: %w; make bisect puts this program where they are", err)
		}
	}
	return s, nil
}

// check finds what would fail on every commit: cases that there are not, and no
// iptables for the guest.
func (s suite) check(ctx context.Context, selected []string) error {
	args := []string{strings.Replace(selected[0], "-test.run=", "-test.list=", 1)}
	command := exec.CommandContext(ctx, s.cases, append(args, selected[1:]...)...)
	command.Dir = s.dir
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("asking for the cases: %w: %s", err, oneLine(string(out)))
	}
	if !strings.HasPrefix(string(out), "Test") {
		return fmt.Errorf("no case has a name that matches %s", selected[0])
	}
	for _, path := range []string{"iptables", "/usr/sbin/iptables", "/sbin/iptables"} {
		if _, err := exec.LookPath(path); err == nil {
			return nil
		}
	}
	return errors.New("the guest needs the machine's iptables: make iptables installs it")
}

// A ran is what came of running the cases.
type ran struct {
	status  int // of vmexec
	said    string
	results *report.Run // nil if there are none
}

// run runs the cases on a kernel in virtual time. Its files are below dir.
func (s suite) run(ctx context.Context, kernel, dir string, selected []string) (ran, error) {
	results := filepath.Join(dir, "report")
	if err := os.RemoveAll(results); err != nil {
		return ran{}, fmt.Errorf("removing the earlier report: %w", err)
	}
	args := append([]string{"-kernel=uml:" + kernel, "-virtual-time", "-limit=" + guestLimit.String(), s.cases, "-report=" + results}, selected...)
	command := guest.Command(ctx, s.vmexec, args...)
	command.Dir = s.dir
	var said bytes.Buffer
	err := logTo(dir, "cases.log", func(log io.Writer) error {
		command.Stdout, command.Stderr = log, io.MultiWriter(log, &said)
		return command.Run()
	})
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ran{}, ctx.Err()
	case err != nil && !errors.As(err, &exit):
		return ran{}, fmt.Errorf("running the cases: %w", err)
	}
	r := ran{status: command.ProcessState.ExitCode(), said: said.String()}
	r.results, err = readResults(filepath.Join(results, "results.json"))
	return r, err
}

// readResults is nil where the cases did not come to write any.
func readResults(path string) (*report.Run, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	run, err := report.Read(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("reading the results: %w", err)
	}
	return &run, nil
}
