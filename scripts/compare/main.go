// Compare tells what two runs found differently, or more than two on one page.
//
//	go run ./scripts/compare A.json B.json          what moved from A to B
//	go run ./scripts/compare A.json B.json C.json   a matrix, a column for each
//	go run ./scripts/compare -markdown A.json B.json
//
// The files are the results.json of package report; a directory stands for the
// one in it. The exit status is 0 if nothing changed for the worse, 1 if a lab
// of the first run is gone, moved or did not pass any more, and 2 if a file
// cannot be read. go run prints the status and exits with 1 for any but 0: where
// the difference matters, build the command.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/finwait/finwait/harness/report"
)

// The exit statuses.
const (
	fine    = 0
	changed = 1
	refused = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: compare [-markdown] A.json B.json [C.json …]")
		flags.PrintDefaults()
	}
	markdown := flags.Bool("markdown", false, "print Markdown, for a page on GitHub")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return fine
	case err != nil:
		return refused
	case flags.NArg() < 2 || slices.Contains(flags.Args(), ""):
		fmt.Fprintln(stderr, "finwait: compare needs two files or more")
		return refused
	}
	worse, err := compare(flags.Args(), *markdown, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "finwait:", err)
		return refused
	case worse:
		return changed
	}
	return fine
}

// compare prints what differs between the files, and reports whether it did so
// for the worse.
func compare(names []string, markdown bool, out io.Writer) (worse bool, err error) {
	var runs []report.Run
	for _, name := range names {
		run, err := read(name)
		if err != nil {
			return false, err
		}
		runs = append(runs, run)
	}
	comparison := report.Compare(runs, names)
	text := comparison.Text()
	if markdown {
		text = comparison.Markdown()
	}
	if _, err := io.WriteString(out, text); err != nil {
		return false, fmt.Errorf("printing the comparison: %w", err)
	}
	return comparison.Worse(), nil
}

// read reads the file, or the results.json of the directory.
func read(name string) (run report.Run, err error) {
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
		name = filepath.Join(name, "results.json")
	case err == nil && info.Mode()&fs.ModeDevice != 0: // which may have no end
		return report.Run{}, fmt.Errorf("%s: is a device, and no results.json", name)
	}
	file, err := os.Open(name)
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			err = failed.Err // it names the file again
		}
		return report.Run{}, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if run, err = report.Read(file); err != nil {
		return report.Run{}, fmt.Errorf("%s: %w", name, err)
	}
	return run, nil
}
