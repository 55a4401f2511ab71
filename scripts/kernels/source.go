package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	build "github.com/finwait/finwait/scripts/uml"
)

// sourcePackage depends on a suite's newest kernel source.
const sourcePackage = "linux-source"

// sourceBytes is what a source needs of the disk, with its build and while it is
// unpacked.
const sourceBytes = 3 << 30

// uml builds a kernel of Debian's source, unless it is there.
func uml(ctx context.Context, s *store, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("uml", flag.ContinueOnError)
	flags.SetOutput(s.told)
	hz := flags.Int("hz", 250, "timer interrupts a second, 100 to 1000")
	var want string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		want, args = args[0], args[1:]
	}
	if err := parse(flags, args); err != nil {
		return err
	}
	if want == "" && flags.NArg() == 1 {
		want = flags.Arg(0)
	} else if flags.NArg() > 0 || want == "" {
		return errUsage
	}
	if *hz < 100 || *hz > 1000 {
		return fmt.Errorf("-hz %d: want 100 to 1000", *hz)
	}
	dir, err := getUML(ctx, s, want, *hz)
	if err == nil {
		_, err = fmt.Fprintf(out, "-kernel uml:%s\n", filepath.Join(dir, "linux"))
	}
	return err
}

// getUML is the entry of a kernel; it is built where there is none, or one that is
// configured otherwise.
func getUML(ctx context.Context, s *store, want string, hz int) (string, error) {
	if err := checkAsked(want); err != nil {
		return "", err
	}
	if want == newest {
		_, chosen, err := chooseSource(ctx, s, want)
		if err != nil {
			return "", err
		}
		want = chosen.series()
	}
	name := fmt.Sprintf("uml-%s-hz%d", want, hz)
	if dir, there, err := s.find(name); there && (err != nil || configuredAlike(dir)) {
		return dir, err
	}
	if err := build.Missing(); err != nil {
		return "", err
	}
	return s.make(ctx, name, sourceBytes, true, func(dir string) error {
		tree := build.In(dir, hz)
		if _, err := os.Stat(tree.Source); errors.Is(err, fs.ErrNotExist) {
			if err := unpackSource(ctx, s, want, dir, tree.Source); err != nil {
				return err
			}
		}
		s.say("building Linux %s as User Mode Linux, about 15 minutes of one core", want)
		return buildUML(ctx, dir, tree)
	})
}

// chooseSource is the source package that is asked for, and the apt that has it.
func chooseSource(ctx context.Context, s *store, want string) (*apt, offer, error) {
	a, err := openApt(ctx, s)
	if err != nil {
		return nil, offer{}, err
	}
	offers, err := a.offers(ctx, sourcePackage)
	if err != nil {
		return nil, offer{}, err
	}
	chosen, err := choose(offers, want)
	return a, chosen, err
}

// configuredAlike reports whether an entry was built with today's fragment.
func configuredAlike(dir string) bool {
	fragment, err := os.ReadFile(filepath.Join(dir, "uml.fragment"))
	return err == nil && string(fragment) == build.Fragment
}

// unpackSource unpacks Debian's source package to the directory tree in dir.
func unpackSource(ctx context.Context, s *store, want, dir, tree string) error {
	a, chosen, err := chooseSource(ctx, s, want)
	if err != nil {
		return err
	}
	s.say("getting the source of Linux %s of %s", chosen.version, chosen.suite)
	name := sourcePackage + "-" + chosen.series()
	root := filepath.Join(dir, "unpacked")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Mkdir(tree, 0o755)); err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	if err := a.download(ctx, root, name+"="+chosen.version); err != nil {
		return err
	}
	debs, err := find(root, "*.deb")
	if err != nil || len(debs) != 1 {
		return errors.Join(err, fmt.Errorf("%d packages came for %s, want one", len(debs), name))
	}
	if _, err := output(ctx, "", "dpkg-deb", "--extract", debs[0], root); err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	tar := filepath.Join(root, "usr", "src", name+".tar.xz")
	if _, err := output(ctx, "", "tar", "--extract", "--file", tar, "--directory", tree, "--strip-components=1"); err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	if err := os.RemoveAll(root); err != nil {
		return fmt.Errorf("unpacking the source: %w", err)
	}
	return nil
}

// buildUML builds the source of an entry, and puts the result into the entry.
func buildUML(ctx context.Context, dir string, tree build.Tree) error {
	binary, err := tree.Make(ctx, io.Discard)
	if err != nil {
		return fmt.Errorf("building the kernel: %w", err)
	}
	for _, file := range []struct {
		from, to string
		mode     os.FileMode
	}{
		{binary, "linux", 0o755},
		{filepath.Join(tree.Build, ".config"), "config", 0o644},
		{filepath.Join(tree.Build, "include", "config", "kernel.release"), "version", 0o644},
		{filepath.Join(tree.Build, "uml.fragment"), "uml.fragment", 0o644},
	} {
		text, err := os.ReadFile(file.from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file.to), text, file.mode)
		}
		if err != nil {
			return fmt.Errorf("keeping the kernel: %w", err)
		}
	}
	return nil
}
