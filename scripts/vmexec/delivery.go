package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A delivery puts what the guest's test has written where it would be without a
// guest.
type delivery struct {
	allowed []string // files and directories that a test may write to
	report  string
	// earlier are the files of the report before this one.
	earlier []string
}

// newDelivery makes sure that what comes back can be written: that is better known
// now than after the run.
func newDelivery(t task) (*delivery, error) {
	d := &delivery{allowed: t.outputs, report: t.report}
	if t.report == "" {
		return d, nil
	}
	d.allowed = append(d.allowed, t.report)
	if err := os.MkdirAll(t.report, 0o755); err != nil {
		return nil, fmt.Errorf("opening the report: %w: name a directory that can be written to", err)
	}
	entries, err := os.ReadDir(t.report)
	if err != nil {
		return nil, fmt.Errorf("opening the report: %w", err)
	}
	for _, entry := range entries {
		d.earlier = append(d.earlier, filepath.Join(t.report, entry.Name()))
	}
	trial, err := os.CreateTemp(t.report, "trial-")
	if err != nil {
		return nil, fmt.Errorf("opening the report: %w: name a directory that can be written to", err)
	}
	return d, errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// accept writes a file. The first of a report removes the report before it.
func (d *delivery) accept(m message) error {
	if !d.covers(m.Path) {
		return fmt.Errorf("the guest wants to write %s, which is none of the test's files", m.Path)
	}
	if d.report != "" && inside(m.Path, d.report) {
		for _, path := range d.earlier {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("removing the earlier report: %w", err)
			}
		}
		d.earlier = nil
	}
	if err := os.MkdirAll(filepath.Dir(m.Path), 0o755); err != nil {
		return fmt.Errorf("bringing back what the test wrote: %w", err)
	}
	if err := os.WriteFile(m.Path, m.content, fs.FileMode(m.Mode).Perm()); err != nil {
		return fmt.Errorf("bringing back what the test wrote: %w", err)
	}
	return nil
}

func (d *delivery) covers(path string) bool {
	for _, allowed := range d.allowed {
		if filepath.Clean(path) == path && inside(path, allowed) {
			return true
		}
	}
	return false
}

// inside reports whether a path is a directory or in it.
func inside(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
