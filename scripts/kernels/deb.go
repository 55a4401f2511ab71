package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// getFiles gets the kernel that is in .deb files, as often as it is asked for: its
// entry has the name of the release, and other files may have another build of it.
func getFiles(ctx context.Context, s *store, files []string) (string, error) {
	for _, file := range files {
		if filepath.Ext(file) != ".deb" {
			return "", fmt.Errorf("%s is neither debian:VERSION nor a .deb file", file)
		}
		if _, err := os.Stat(file); err != nil {
			return "", fmt.Errorf("looking for the kernel: %w", err)
		}
	}
	unpacked, err := s.make(ctx, ".files", kernelBytes, false, func(dir string) error { return install(ctx, dir, files) })
	if err != nil {
		return "", err
	}
	release, err := readVersion(unpacked)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.dir, "deb-"+release)
	if err := errors.Join(os.RemoveAll(dir), os.Rename(unpacked, dir)); err != nil {
		return "", fmt.Errorf("keeping the kernel: %w", err)
	}
	return dir, nil
}

// install makes an entry of .deb files: vmlinuz, modules/RELEASE, config, version.
// Files in the entry itself are removed.
func install(ctx context.Context, dir string, files []string) error {
	root := filepath.Join(dir, "unpacked")
	for _, file := range files {
		if _, err := output(ctx, "", "dpkg-deb", "--extract", file, root); err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(file), err)
		}
		if filepath.Dir(file) == dir {
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("unpacking %s: %w", filepath.Base(file), err)
			}
		}
	}
	k, err := findKernel(root)
	if err != nil {
		return err
	}
	if err := k.moveTo(dir); err != nil {
		return fmt.Errorf("storing the kernel: %w", err)
	}
	if err := os.RemoveAll(root); err != nil {
		return fmt.Errorf("storing the kernel: %w", err)
	}
	return nil
}

// A kernel is where things are among unpacked files.
type kernel struct {
	release         string
	vmlinuz, config string // files; config is empty if there is none
	modules         string // a directory
}

// moveTo moves a kernel to its entry.
func (k kernel) moveTo(dir string) error {
	modules := filepath.Join(dir, "modules", k.release)
	if err := os.Mkdir(filepath.Dir(modules), 0o755); err != nil {
		return err
	}
	// Modules come last: the others may be among them.
	for _, move := range [][2]string{{k.vmlinuz, filepath.Join(dir, "vmlinuz")}, {k.config, filepath.Join(dir, "config")}, {k.modules, modules}} {
		if move[0] == "" {
			continue
		}
		if err := os.Rename(move[0], move[1]); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "vmlinuz"), 0o644); err != nil { // some are root's alone
		return err
	}
	return os.WriteFile(filepath.Join(dir, "version"), []byte(k.release+"\n"), 0o644)
}

// findKernel finds the one kernel among unpacked files. Debian has it in /boot, or
// since 7.x beside its modules.
func findKernel(root string) (kernel, error) {
	images, err := find(root, "boot/vmlinuz-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz")
	switch {
	case err != nil:
		return kernel{}, err
	case len(images) == 0:
		return kernel{}, errors.New("no kernel is in these packages")
	case len(images) > 1:
		return kernel{}, fmt.Errorf("%d kernels are in these packages, want one", len(images))
	}
	k := kernel{vmlinuz: images[0]}
	if name, is := strings.CutPrefix(filepath.Base(k.vmlinuz), "vmlinuz-"); is {
		k.release = name
	} else {
		k.release = filepath.Base(filepath.Dir(k.vmlinuz))
	}
	trees, err := find(root, "lib/modules/"+k.release+"/kernel", "usr/lib/modules/"+k.release+"/kernel")
	switch {
	case err != nil:
		return kernel{}, err
	case len(trees) != 1:
		return kernel{}, fmt.Errorf("no modules of Linux %s are in these packages: linux-modules-%[1]s may have them", k.release)
	}
	k.modules = filepath.Dir(trees[0])
	configs, err := find(root, "boot/config-"+k.release, "lib/modules/"+k.release+"/config", "usr/lib/modules/"+k.release+"/config")
	if len(configs) > 0 {
		k.config = configs[0]
	}
	return k, err
}

// find are the files that match any of the patterns below a directory.
func find(root string, patterns ...string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", pattern, err)
		}
		for _, name := range found {
			all = append(all, filepath.Join(root, name))
		}
	}
	return all, nil
}
