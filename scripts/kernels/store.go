package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A store is the directory that the kernels are kept in, an entry for each. Only
// one program at a time makes entries; any number may look for them.
type store struct {
	dir  string
	told io.Writer // who waits is told what for
	lock *os.File  // nil until something is made
}

// unfinished begins the name of an entry that is being made.
const unfinished = ".unfinished-"

// openStore opens the store of a directory; empty for the user's own.
func openStore(dir string, told io.Writer) (*store, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place to keep kernels, name one with -cache: %w", err)
		}
		dir = filepath.Join(cache, "finwait", "kernels")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	return &store{dir: dir, told: told}, nil
}

// own keeps other programs from making entries until the store is closed, and
// clears away what a killed one left unfinished.
func (s *store) own() error {
	if s.lock != nil {
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("locking the cache: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return fmt.Errorf("another run of kernels makes one in %s: %w", s.dir, err)
	}
	s.lock = lock
	left, err := filepath.Glob(filepath.Join(s.dir, unfinished+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("clearing away what was left unfinished: %w", err)
	}
	return nil
}

func (s *store) close() {
	if s.lock != nil {
		_ = s.lock.Close() // which unlocks it
		s.lock = nil
	}
}

func (s *store) say(format string, args ...any) {
	fmt.Fprintf(s.told, "finwait: "+format+"\n", args...)
}

// find is the entry's directory if it is there; an error if it is not as it was
// stored.
func (s *store) find(name string) (dir string, there bool, err error) {
	dir = filepath.Join(s.dir, name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return dir, false, nil
	}
	if err := verifySums(dir); err != nil {
		return dir, true, fmt.Errorf("%w; remove %s to get it again", err, dir)
	}
	return dir, true, nil
}

// make makes an entry, all of it or nothing: fill works in a directory beside it,
// which takes the entry's place at the end. bytes is what is needed of the disk.
// With reuse fill gets the entry that is there, which stays if fill fails: what it has
// done to the parts without a checksum is not lost.
func (s *store) make(ctx context.Context, name string, bytes uint64, reuse bool, fill func(dir string) error) (string, error) {
	if err := s.own(); err != nil {
		return "", err
	}
	if err := s.room(bytes); err != nil {
		return "", err
	}
	dir := filepath.Join(s.dir, name)
	work := filepath.Join(s.dir, unfinished+name)
	err := os.Rename(dir, work)
	reuse = reuse && err == nil
	if !reuse && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		err = errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o755))
	}
	if err != nil {
		return "", fmt.Errorf("making %s: %w", dir, err)
	}
	err = fill(work)
	if err == nil {
		err = writeSums(work)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(work, dir)
	}
	if err != nil && reuse {
		return "", errors.Join(err, os.Rename(work, dir))
	}
	if err != nil {
		s.say("clearing away %s", work)
		return "", errors.Join(err, os.RemoveAll(work))
	}
	return dir, nil
}

// room is an error if the disk has fewer bytes left for this user.
func (s *store) room(bytes uint64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(s.dir, &disk); err != nil {
		return fmt.Errorf("asking how full the disk is: %w", err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < bytes {
		return fmt.Errorf("%s needs %d MB free, and has %d MB", s.dir, bytes>>20, free>>20)
	}
	return nil
}

// entries are the names of the kernels that are there. Others may keep what they
// make of them beside.
func (s *store) entries() ([]string, error) {
	stored, err := filepath.Glob(filepath.Join(s.dir, "[^.]*", sumsName))
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	var names []string
	for _, path := range stored {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names, nil
}

// readVersion is the release of an entry's kernel, as uname -r has it.
func readVersion(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "version"))
	if err != nil {
		return "", fmt.Errorf("reading a kernel's version: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
