package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A listing is the regular files below some paths, with the time of their last
// change.
type listing map[string]time.Time

// list lists what there is; what cannot be read the test has not written.
func list(paths []string) listing {
	found := listing{}
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				found[path] = info.ModTime()
			}
			return nil
		})
	}
	return found
}

// changed are the files that are new or were written since, sorted.
func (before listing) changed(now listing) []string {
	var paths []string
	for path, at := range now {
		if was, known := before[path]; !known || !was.Equal(at) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// sendFile sends a file to the host.
func sendFile(to io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("sending what the test wrote: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("sending what the test wrote: %w", err)
	}
	if err := send(to, message{Kind: wrote, Path: path, Mode: uint32(info.Mode().Perm()), content: content}); err != nil {
		return fmt.Errorf("sending %s: %w", path, err)
	}
	return nil
}
