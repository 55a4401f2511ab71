package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program packs a program of the host where it is, with the links that lead to
// it and the libraries that it loads.
func (a *archive) program(path string) error {
	if err := a.same(path); err != nil {
		return err
	}
	libraries, err := librariesOf(path)
	if err != nil {
		return err
	}
	for _, library := range libraries {
		if err := a.same(library); err != nil {
			return err
		}
	}
	return nil
}

// same packs what is at a path of the host, and where it is a link what that
// leads to. A directory is packed with what is in it.
func (a *archive) same(path string) error {
	if a.made[path] {
		return nil
	}
	resolved, err := a.parents(path)
	if err != nil {
		return err
	}
	if resolved != path {
		return a.same(resolved)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return a.sameLink(path)
	case info.IsDir():
		return a.sameTree(path)
	case info.Mode().IsRegular():
		return a.file(path, path)
	}
	return fmt.Errorf("packing %s: it is a %v", path, info.Mode().Type())
}

// parents packs the links among the directories of a path, such as /lib of
// today's systems, and is the path without them.
func (a *archive) parents(path string) (string, error) {
	for _, part := range prefixes(filepath.Dir(path)) {
		info, err := os.Lstat(part)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := filepath.EvalSymlinks(part)
		if err != nil {
			return "", err
		}
		if err := a.link(part, strings.NewReader(target), len(target)); err != nil {
			return "", err
		}
		return a.parents(filepath.Join(target, path[len(part):]))
	}
	return path, nil
}

// prefixes are the directories on the way to a path, the outermost first.
func prefixes(path string) []string {
	var out []string
	for i, char := range path {
		if char == '/' && i > 0 {
			out = append(out, path[:i])
		}
	}
	return append(out, path)
}

func (a *archive) sameLink(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if err := a.link(path, strings.NewReader(target), len(target)); err != nil {
		return err
	}
	target = absolute(filepath.Dir(path), target)
	if strings.HasPrefix(target, "/proc/") {
		return nil // that of the guest
	}
	if err := a.same(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (a *archive) sameTree(path string) error {
	if err := a.dir(path); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := a.same(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// librariesOf are the libraries of a program and its loader, as the loader itself
// finds them; none where the program is static or a script.
func librariesOf(path string) ([]string, error) {
	file, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what %s loads: %w", path, err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, part.Filesz)
		if _, err := part.ReadAt(name, 0); err != nil {
			return nil, fmt.Errorf("reading what %s loads: %w", path, err)
		}
		loader := strings.TrimRight(string(name), "\x00")
		out, err := exec.Command(loader, "--list", path).Output()
		if err != nil {
			return nil, fmt.Errorf("asking %s what %s loads: %w", loader, path, err)
		}
		return append(listed(string(out)), loader), nil
	}
	return nil, nil
}

// listed are the paths in what a loader lists: a library a line, as
// "libc.so.6 => /lib/libc.so.6 (0x7f0000000000)".
func listed(text string) []string {
	var paths []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[1] == "=>" && filepath.IsAbs(fields[2]) {
			paths = append(paths, fields[2])
		}
	}
	return paths
}
