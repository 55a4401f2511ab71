// Plan prints what the cases would prove, without running any of them and
// without privileges: every case with its predicted window, the longest first,
// and the settings that do not do what their names say.
//
//	go run ./scripts/plan                         this machine's settings
//	go run ./scripts/plan -settings 99-tcp.conf   those of a sysctl.d file
//	go run ./scripts/plan -json                   for programs
//
// It compiles the cases and has them declare themselves.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const cases = "github.com/finwait/finwait/cases"

func main() {
	settings := flag.String("settings", "", "a sysctl.d file, in place of this machine's settings")
	asJSON := flag.Bool("json", false, "print JSON")
	run := flag.String("run", "", "only the cases that match, as of go test")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "plan: no arguments but flags: %q\n", flag.Args())
		os.Exit(2)
	}
	err := plan(*settings, *asJSON, *run)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
}

// plan compiles the cases and asks them for the plan.
func plan(settings string, asJSON bool, run string) (err error) {
	dir, err := os.MkdirTemp("", "finwait-plan-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "cases.test")
	if err := piped("go", "test", "-c", "-o", binary, cases).Run(); err != nil {
		return err
	}
	args := []string{"-plan", "-test.run", run}
	if asJSON {
		args[0] = "-plan=json"
	}
	if settings != "" {
		path, err := filepath.Abs(settings)
		if err != nil {
			return err
		}
		args = append(args, "-settings", path)
	}
	return piped(binary, args...).Run()
}

func piped(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	return command
}
