package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/finwait/finwait/harness/report"
)

// results are the runs with their names, and the names of those that cannot be read.
type results struct {
	runs           []report.Run
	names, lacking []string
}

// readAll reads what can be read of the files. There is an error for each that
// cannot, or one if that is so of all.
func readAll(names []string) (r results, errs []error) {
	for _, name := range names {
		run, err := read(name)
		if err != nil {
			r.lacking, errs = append(r.lacking, name), append(errs, err)
			continue
		}
		r.runs, r.names = append(r.runs, run), append(r.names, name)
	}
	if len(r.runs) == 0 {
		errs = []error{fmt.Errorf("none of the %d files can be read: %w", len(names), errs[0])}
	}
	return r, errs
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
