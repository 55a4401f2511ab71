package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// arch is the machine's, which Go and Debian call the same where QEMU runs these kernels.
const arch = runtime.GOARCH

// keyring is what Debian's packages are verified with.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// listsAge is for how long the lists of packages are taken for those that there are.
const listsAge = 24 * time.Hour

// An apt knows all of Debian's suites on the machine's mirror, and keeps what it
// knows in a directory of its own.
type apt struct {
	dir     string
	options []string
}

// openApt opens the one in the store, with lists that are a day old at most.
func openApt(ctx context.Context, s *store) (*apt, error) {
	a := &apt{dir: filepath.Join(s.dir, ".apt")}
	a.options = a.private("own")
	switch info, err := os.Stat(a.stamp()); {
	case err == nil && time.Since(info.ModTime()) < listsAge:
		return a, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("looking for lists of packages: %w", err)
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	if err := s.room(500 << 20); err != nil {
		return nil, err
	}
	if _, err := os.Stat(keyring); err != nil {
		return nil, errors.New("verifying what comes from Debian needs a package that is missing: debian-archive-keyring")
	}
	s.say("reading which packages Debian has")
	mirrors, err := a.mirrors(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.update(ctx, sourcesOf(mirrors)); err != nil {
		return nil, fmt.Errorf("reading which packages Debian has: %w", err)
	}
	return a, nil
}

// stamp is a file as old as the lists.
func (a *apt) stamp() string { return filepath.Join(a.dir, "updated") }

func (a *apt) sourcesFile() string { return filepath.Join(a.dir, "sources.list") }

// private are options for state of one's own. They are on the command line, where
// nothing of the machine's configuration overrides them.
func (a *apt) private(name string) []string {
	state := filepath.Join(a.dir, name)
	return []string{
		"-o", "Dir::State=" + state,
		"-o", "Dir::State::lists=lists",
		"-o", "Dir::State::status=" + filepath.Join(state, "status"),
		"-o", "Dir::Cache=" + filepath.Join(state, "cache"),
		"-o", "Dir::Cache::archives=archives",
		"-o", "Dir::Cache::pkgcache=pkgcache.bin", // which Debian's containers turn off
		"-o", "Dir::Cache::srcpkgcache=srcpkgcache.bin",
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=3",
		"-o", "Acquire::AllowInsecureRepositories=false",
		"-o", "APT::Get::AllowUnauthenticated=false",
		"-o", "APT::Update::Error-Mode=any",
		"-o", "Dir::Etc::sourcelist=" + a.sourcesFile(),
		"-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::Etc::preferences=/dev/null",
		"-o", "Dir::Etc::preferencesparts=/dev/null",
	}
}

// mirrors are Debian's among the machine's sources. A machine that has never
// fetched its lists does not know which those are: they are fetched aside.
func (a *apt) mirrors(ctx context.Context) ([]mirror, error) {
	args := []string{"indextargets", "--format", targetFormat}
	text, err := output(ctx, "", "apt-get", args...)
	if err != nil {
		return nil, fmt.Errorf("reading the machine's sources: %w", err)
	}
	if found := parseTargets(text); len(found) > 0 {
		return found, nil
	}
	options := a.private("machine")
	options = options[:len(options)-8] // the sources and preferences are the machine's
	if err := a.directories("machine"); err != nil {
		return nil, err
	}
	_, failed := output(ctx, "", "apt-get", append(options, "update")...)
	text, err = output(ctx, "", "apt-get", append(options, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading the machine's sources: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(a.dir, "machine")); err != nil {
		return nil, fmt.Errorf("clearing away lists of packages: %w", err)
	}
	found := parseTargets(text)
	switch {
	case len(found) > 0:
		return found, nil
	case failed != nil:
		return nil, fmt.Errorf("fetching the lists of the machine's sources: %w", failed)
	}
	return nil, errors.New("this machine's apt has no source of Debian: run it on Debian or in its container, or get FILE.deb")
}

// directories makes what apt wants to be there.
func (a *apt) directories(name string) error {
	state := filepath.Join(a.dir, name)
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(state, dir), 0o755); err != nil {
			return fmt.Errorf("making a place for lists of packages: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(state, "status"), nil, 0o644); err != nil {
		return fmt.Errorf("making a place for lists of packages: %w", err)
	}
	return nil
}

// update fetches the lists of all sources that there are.
func (a *apt) update(ctx context.Context, sources []source) error {
	if err := a.directories("own"); err != nil {
		return err
	}
	for {
		if err := os.WriteFile(a.sourcesFile(), []byte(lines(sources, arch, keyring)), 0o644); err != nil {
			return err
		}
		_, err := output(ctx, "", "apt-get", append(a.options, "update")...)
		if err == nil {
			return os.WriteFile(a.stamp(), nil, 0o644)
		}
		var failed *failedError
		if !errors.As(err, &failed) {
			return err
		}
		there := without(sources, failed.said)
		if len(there) == len(sources) || len(there) == 0 {
			return err
		}
		sources = there
	}
}

// offers are the versions of a package, the highest first.
func (a *apt) offers(ctx context.Context, name string) ([]offer, error) {
	text, err := output(ctx, "", "apt-cache", append(a.options, "madison", name)...)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", name, err)
	}
	return parseMadison(text)
}

// download fetches packages, "name=version" each, to a directory. The mirror removes
// old versions: if it fails, the lists are read anew the next time.
func (a *apt) download(ctx context.Context, dir string, packages ...string) error {
	args := append([]string{}, a.options...)
	if _, err := output(ctx, dir, "apt-get", append(append(args, "download"), packages...)...); err != nil {
		err = errors.Join(err, os.Remove(a.stamp()))
		return fmt.Errorf("downloading %s: %w", strings.Join(packages, " "), err)
	}
	return nil
}

// closure are the packages of one kernel: what the given package depends on of the
// same version and flavour. Since 7.x the kernel and its modules are two.
func (a *apt) closure(ctx context.Context, name, version string) ([]string, error) {
	var packages []string
	for next := []string{name}; len(next) > 0; next = next[1:] {
		text, err := output(ctx, "", "apt-cache", append(a.options, "show", next[0]+"="+version)...)
		if err != nil {
			return nil, fmt.Errorf("asking what %s consists of: %w", next[0], err)
		}
		for _, part := range parts(text, version) {
			if versioned := part + "=" + version; !slices.Contains(packages, versioned) {
				packages = append(packages, versioned)
				next = append(next, part)
			}
		}
	}
	if len(packages) == 0 {
		return nil, fmt.Errorf("%s %s consists of no package", name, version)
	}
	return packages, nil
}

var exactly = regexp.MustCompile(`(linux-[a-z]+-[0-9]\S*) \(= ([^)]+)\)`)

// parts are the packages of exactly this version that a package depends on, as
// apt-cache show prints it, and that are a kernel's of this flavour. Those that only
// depend on others have no release in their name, and the mirror may lack them.
func parts(text, version string) []string {
	var names []string
	for line := range strings.Lines(text) {
		depends, is := strings.CutPrefix(line, "Depends: ")
		if !is {
			continue
		}
		for _, match := range exactly.FindAllStringSubmatch(depends, -1) {
			if match[2] == version && strings.HasSuffix(match[1], flavour) {
				names = append(names, match[1])
			}
		}
		break // the next are of the same package in another suite
	}
	return names
}
