package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// An archive is an initramfs in the making: cpio in the format "newc", which is
// all that the kernel takes (Documentation/driver-api/early-userspace/buffer-format.rst).
// Owners are root and times zero: the same content makes the same guest. The
// format has 13 numbers and two rules of padding and has not changed since
// 2002. The libraries for it are either without a release since 2021, or part
// of something much larger.
type archive struct {
	out  io.Writer
	at   int64 // bytes written
	node int
	made map[string]bool
}

func newArchive(out io.Writer) *archive { return &archive{out: out, made: map[string]bool{}} }

const trailer = "TRAILER!!!"

// entry writes a header with a name, and size bytes of content. Mode is that of
// stat(2).
func (a *archive) entry(path string, mode uint32, content io.Reader, size int64) error {
	a.node++
	name := path[min(1, len(path)):] // the kernel unpacks into the root
	if path == trailer {
		name = path
	}
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		a.node, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	if err := a.write(head); err != nil {
		return err
	}
	if content != nil {
		n, err := io.CopyN(a.out, content, size)
		a.at += n
		if err != nil {
			return fmt.Errorf("packing %s: %w", path, err)
		}
	}
	return a.write("")
}

// write writes text, and pads to a multiple of four bytes.
func (a *archive) write(text string) error {
	for (a.at+int64(len(text)))%4 != 0 {
		text += "\x00"
	}
	a.at += int64(len(text))
	_, err := io.WriteString(a.out, text)
	return err
}

// close ends the archive.
func (a *archive) close() error { return a.entry(trailer, 0, nil, 0) }

// new makes the directories that a path is in, and reports whether there is
// nothing at the path so far.
func (a *archive) new(path string) (bool, error) {
	if a.made[path] {
		return false, nil
	}
	a.made[path] = true
	var parents []string
	for dir := filepath.Dir(path); dir != "/" && !a.made[dir]; dir = filepath.Dir(dir) {
		parents = append(parents, dir)
	}
	for _, dir := range slices.Backward(parents) {
		a.made[dir] = true
		if err := a.entry(dir, 0o040755, nil, 0); err != nil {
			return false, err
		}
	}
	return true, nil
}

// dir makes a directory.
func (a *archive) dir(path string) error {
	fresh, err := a.new(path)
	if !fresh || err != nil {
		return err
	}
	return a.entry(path, 0o040755, nil, 0)
}

// data makes a file.
func (a *archive) data(path string, mode fs.FileMode, content io.Reader, size int64) error {
	fresh, err := a.new(path)
	if !fresh || err != nil {
		return err
	}
	return a.entry(path, 0o100000|uint32(mode.Perm()), content, size)
}

// link makes a symbolic link.
func (a *archive) link(path string, target io.Reader, size int) error {
	fresh, err := a.new(path)
	if !fresh || err != nil {
		return err
	}
	return a.entry(path, 0o120777, target, int64(size))
}

// file packs a file of the host under a path.
func (a *archive) file(path, from string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("packing %s: it is no file", from)
	}
	return a.data(path, info.Mode(), file, info.Size())
}
