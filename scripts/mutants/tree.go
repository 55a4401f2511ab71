package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/finwait/finwait/scripts/uml"
)

// Where scripts/kernels keeps the source, and where the copy is that is patched,
// below finwait/kernels in the user's cache.
const (
	pristineName = "uml-6.12-hz250"
	copyName     = "mutants-6.12-hz250"
)

// A tree is a kernel's source that is patched, beside the one that stays as it is.
type tree struct {
	uml.Tree
	pristine uml.Tree
	lock     *os.File
}

// openTree copies the source with its build, unless that was done before. Every file
// has the time of its original, so that nothing is built again.
func openTree(ctx context.Context) (tree, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return tree{}, fmt.Errorf("looking for the kernel's source: %w", err)
	}
	kernels := filepath.Join(cache, "finwait", "kernels")
	own := filepath.Join(kernels, copyName)
	t := tree{Tree: uml.In(own, 250), pristine: uml.In(filepath.Join(kernels, pristineName), 250)}
	if err := os.MkdirAll(own, 0o755); err != nil {
		return tree{}, fmt.Errorf("making a place for the kernel's source: %w", err)
	}
	if t.lock, err = os.OpenFile(filepath.Join(own, ".lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return tree{}, fmt.Errorf("locking the kernel's source: %w", err)
	}
	if err := syscall.Flock(int(t.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return tree{}, errors.Join(fmt.Errorf("another run patches %s: %w", t.Source, err), t.close())
	}
	if err := t.copy(ctx); err != nil {
		return tree{}, errors.Join(err, t.close())
	}
	if err := t.restore(); err != nil {
		return tree{}, errors.Join(err, t.close())
	}
	return t, nil
}

func (t tree) close() error { return t.lock.Close() }

// copy copies the source, unless there is a copy of what was built there last.
func (t tree) copy(ctx context.Context) error {
	built, err := os.Stat(filepath.Join(t.pristine.Build, "linux"))
	if err != nil {
		return fmt.Errorf("looking for the kernel's source: %w; go run ./scripts/kernels uml 6.12 -hz 250 gets it", err)
	}
	of := built.ModTime().String()
	stamp := filepath.Join(filepath.Dir(t.Source), "copied")
	if was, err := os.ReadFile(stamp); err == nil && string(was) == of {
		return nil
	}
	if err := errors.Join(os.RemoveAll(stamp), os.RemoveAll(t.Source)); err != nil {
		return fmt.Errorf("removing the former copy of the kernel's source: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", t.pristine.Source, t.Source).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the kernel's source: %w: %s", err, out)
	}
	return os.WriteFile(stamp, []byte(of), 0o644)
}

// note is a file beside the source that names the one that is patched.
func (t tree) note() string { return filepath.Join(filepath.Dir(t.Source), "patched") }

// restore gives a file its original text again that a killed run left patched.
func (t tree) restore() error {
	file, err := os.ReadFile(t.note())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restoring the kernel's source: %w", err)
	}
	was, err := os.ReadFile(filepath.Join(t.pristine.Source, string(file)))
	if err == nil {
		err = t.undo(string(file), was)
	}
	if err != nil {
		return fmt.Errorf("restoring the kernel's source: %w", err)
	}
	return nil
}

// undo writes a file as it was. Its time is a new one, so that it is compiled again.
func (t tree) undo(file string, was []byte) error {
	if err := os.WriteFile(filepath.Join(t.Source, file), was, 0o644); err != nil {
		return err
	}
	return os.Remove(t.note())
}

// kernel builds the source with a patch, or as it is where there is none, and moves
// the kernel to a path. The source is as it was then, whatever happens.
func (t tree) kernel(ctx context.Context, p patch, path string) (err error) {
	if p.path != "" {
		undo, failed := t.apply(ctx, p)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, undo()) }()
	}
	binary, err := t.Make(ctx, io.Discard)
	if err != nil {
		return fmt.Errorf("building the kernel: %w", err)
	}
	return move(binary, path)
}

// apply patches the source, all of the patch or nothing, and returns what undoes it.
func (t tree) apply(ctx context.Context, p patch) (undo func() error, err error) {
	was, err := os.ReadFile(filepath.Join(t.Source, p.file))
	if err == nil {
		err = os.WriteFile(t.note(), []byte(p.file), 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("applying the patch: %w", err)
	}
	undo = func() error { return t.undo(p.file, was) }
	args := []string{"--strip=1", "--fuzz=0", "--batch", "--no-backup-if-mismatch", "--reject-file=-", "--directory=" + t.Source, "--input=" + p.path}
	if out, err := exec.CommandContext(ctx, "patch", args...).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("applying the patch: %w\n%s", err, out), undo())
	}
	return undo, nil
}

// move moves a file to where there may be another file system.
func move(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}
