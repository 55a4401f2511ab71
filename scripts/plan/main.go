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
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

const cases = "github.com/finwait/finwait/cases"

func main() {
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	settings := flags.String("settings", "", "a sysctl.d `file`, in place of this machine's settings")
	asJSON := flags.Bool("json", false, "print JSON")
	run := flags.String("run", "", "only the cases that match, as of go test")
	err := flags.Parse(os.Args[1:])
	flags.SetOutput(os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.PrintDefaults()
		return
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag, and there are no other arguments", flags.Arg(0))
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "settings" && *settings == "" {
			err = errors.New("the path behind -settings is empty; leave the flag out to take this machine's settings")
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err, "(the flags are -settings FILE, -run PATTERN and -json)")
		os.Exit(2)
	}
	err = plan(*settings, *asJSON, *run)
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
	args := []string{"-plan"}
	if asJSON {
		args[0] = "-plan=json"
	}
	if run != "" {
		args = append(args, "-test.run", run)
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
