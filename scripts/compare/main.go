// Compare tells what two runs found differently, or more than two on one page.
//
//	go run ./scripts/compare A.json B.json          what moved from A to B
//	go run ./scripts/compare A.json B.json C.json   a matrix, a column for each
//	go run ./scripts/compare -markdown A.json B.json
//	go run ./scripts/compare -page matrix.html A B C
//
// The files are the results.json of package report; a directory stands for the
// one in it. -page writes the matrix of all labs as HTML, which leads to the pages
// of the runs, where these are beside the files.
//
// The exit status is 0 if nothing changed for the worse, 1 if something did, and 2
// if a file cannot be read. Of two runs on one kernel, that is a lab of the first
// which is gone, moved or did not pass any more. Of runs on several kernels, and of
// more than two, it is a lab that failed or was inconclusive in one of them, or
// differs for no reason that the model knows. Of more than two files, those that
// can be read are compared, and the others named. go run prints the status and
// exits with 1 for any but 0: where the difference matters, build the command.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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
		fmt.Fprintln(stderr, "usage: compare [-markdown] [-page FILE] A.json B.json [C.json …]")
		flags.PrintDefaults()
	}
	markdown := flags.Bool("markdown", false, "print Markdown, for a page on GitHub")
	page := flags.String("page", "", "write the matrix of all labs as HTML to this `file`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return fine
	case err != nil:
		return refused
	case flags.NArg() < 2 || slices.Contains(flags.Args(), ""):
		fmt.Fprintln(stderr, "finwait: compare needs two files or more")
		return refused
	}
	found, errs := readAll(flags.Args())
	worse := false
	if len(errs) == 0 || flags.NArg() > 2 {
		var err error
		if worse, err = found.show(stdout, *markdown, *page); err != nil {
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		fmt.Fprintln(stderr, "finwait:", err)
	}
	switch {
	case len(errs) > 0:
		return refused
	case worse:
		return changed
	}
	return fine
}

// show prints what differs, writes the page if one is asked for, and reports whether
// something is worse.
func (r results) show(out io.Writer, markdown bool, page string) (worse bool, err error) {
	comparison := report.Compare(r.runs, r.names).Lacking(r.lacking...)
	text := comparison.Text()
	if markdown {
		text = comparison.Markdown()
	}
	if _, err := io.WriteString(out, text); err != nil {
		return false, fmt.Errorf("printing the comparison: %w", err)
	}
	if page != "" {
		err = writePage(page, comparison, r.names)
	}
	return comparison.Worse(), err
}
