package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/finwait/finwait/harness/report"
	"github.com/finwait/finwait/harness/tcp"
)

// A column is a kernel with what was found on it.
type column struct {
	kernel
	found   report.Run
	release tcp.Release
}

// conclude prints the matrix and writes its page. An error is a kernel that is lacking or
// without a result, one on which a lab did not pass, or a difference without a reason.
func conclude(dir string, kernels []kernel, lacking, failed []string, out io.Writer) error {
	columns, without, err := readColumns(dir, kernels)
	if len(lacking) > 0 {
		err = errors.Join(err, fmt.Errorf("no kernel: %s", strings.Join(lacking, ", ")))
	}
	if len(failed) > 0 {
		err = errors.Join(err, fmt.Errorf("the cases failed on %v", failed))
	}
	if len(columns) < 2 {
		return err
	}
	var runs []report.Run
	var names, links []string
	for _, c := range columns {
		runs, names, links = append(runs, c.found), append(names, c.name), append(links, c.name+"/index.html")
	}
	comparison := report.Compare(runs, names).Lacking(slices.Concat(lacking, without)...)
	page := filepath.Join(dir, "index.html")
	err = errors.Join(err, writePage(page, comparison, links))
	fmt.Fprintf(out, "\n%s\npage: %s\n", comparison.Text(), page)
	if n := len(comparison.Unexplained()); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d labs differ from kernel to kernel for no reason that the model knows", n))
	}
	return err
}

// readColumns reads what was found, in the order of the releases, and names the kernels
// without a result.
func readColumns(dir string, kernels []kernel) (columns []column, without []string, err error) {
	for _, k := range kernels {
		found, readErr := readResults(dir, k)
		if readErr != nil {
			without, err = append(without, k.name), errors.Join(err, readErr)
			continue
		}
		release, parseErr := tcp.ParseRelease(found.Kernel)
		if parseErr != nil {
			return nil, nil, fmt.Errorf("reading the results of %s: %w", k.name, parseErr)
		}
		columns = append(columns, column{k, found, release})
	}
	slices.SortStableFunc(columns, func(a, b column) int {
		return cmp.Or(cmp.Compare(a.release.Major, b.release.Major), cmp.Compare(a.release.Minor, b.release.Minor))
	})
	return columns, without, err
}

func writePage(path string, comparison report.Comparison, links []string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return comparison.WritePage(file, links)
}
