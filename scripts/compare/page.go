package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/finwait/finwait/harness/report"
)

// writePage writes the comparison of the files as HTML.
func writePage(path string, comparison report.Comparison, names []string) (err error) {
	var links []string
	for _, name := range names {
		link, err := linkFrom(filepath.Dir(path), name)
		if err != nil {
			return err
		}
		links = append(links, link)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return comparison.WritePage(file, links)
}

// linkFrom leads from a directory to the page of a run, which is beside its
// results.json; empty if it has none.
func linkFrom(dir, name string) (string, error) {
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
	case filepath.Base(name) == "results.json":
		name = filepath.Dir(name)
	default: // a copy, kept away from its page
		return "", nil
	}
	page := filepath.Join(name, "index.html")
	if _, err := os.Stat(page); err != nil {
		return "", nil // it is not kept: nothing is lost but the link
	}
	var err error
	for _, path := range []*string{&dir, &page} {
		if *path, err = filepath.Abs(*path); err != nil {
			return "", fmt.Errorf("finding the way to %s: %w", *path, err)
		}
	}
	way, err := filepath.Rel(dir, page)
	if err != nil {
		return "", fmt.Errorf("finding the way to %s: %w", page, err)
	}
	return (&url.URL{Path: filepath.ToSlash(way)}).String(), nil
}
