package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A patch is one change of the kernel, and what it must do to the suite.
type patch struct {
	name string // of its file, without .patch
	path string
	// says is what it breaks; of a control, why that is nothing.
	says string
	// caught are the cases that must fail; none of a control.
	caught []expectation
	// file is the one that it changes, below the kernel's source.
	file string
}

// control reports whether the patch must not be noticed.
func (p patch) control() bool { return len(p.caught) == 0 }

// An expectation is a case that must fail, and how.
type expectation struct {
	test   string
	family string // the only one in which it fails; empty for both
	hows   []how  // any of them will do: what comes first may be the phase of a timer
}

func (e expectation) String() string {
	if e.family != "" {
		return fmt.Sprintf("%s/%s (%s)", e.test, e.family, joined(e.hows, " or "))
	}
	return fmt.Sprintf("%s (%s)", e.test, joined(e.hows, " or "))
}

// readPatches reads those of a directory, in the order of their names.
func readPatches(dir string) ([]patch, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, fmt.Errorf("looking for patches: %w", err)
	}
	slices.Sort(paths)
	var patches []patch
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a patch: %w", err)
		}
		p, err := parsePatch(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		p.name, p.path = strings.TrimSuffix(filepath.Base(path), ".patch"), path
		patches = append(patches, p)
	}
	return patches, nil
}

var (
	sourceFile = regexp.MustCompile(`^net/[\w/]+\.c$`)
	expected   = regexp.MustCompile(`^(Test\w+)(?:/(IPv[46]))? \((\w+(?: or \w+)*)\)$`)
)

// parsePatch reads what stands above the change, and checks that the change is one
// of one line: headers would have half of the kernel built again.
func parsePatch(text string) (patch, error) {
	head, change, found := strings.Cut(text, "\n--- a/")
	if !found {
		return patch{}, fmt.Errorf("it changes no file: no line begins with %q", "--- a/")
	}
	var p patch
	var caught string
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Breaks", "Harmless":
			p.says = value
		case "Caught-by":
			caught = value
		case "":
		default:
			return patch{}, fmt.Errorf("the header has a line that is none of Breaks, Harmless, Caught-by: %q", key)
		}
	}
	harmless := strings.HasPrefix(head, "Harmless: ")
	switch {
	case p.says == "":
		return patch{}, fmt.Errorf("the header says neither what it Breaks, nor that it is Harmless")
	case harmless != (caught == ""):
		return patch{}, fmt.Errorf("want Caught-by with Breaks, and not with Harmless")
	}
	if !harmless {
		var err error
		if p.caught, err = parseExpectations(caught); err != nil {
			return patch{}, err
		}
	}
	return p, p.parseChange(change)
}

func parseExpectations(text string) ([]expectation, error) {
	var all []expectation
	for one := range strings.SplitSeq(text, ", ") {
		match := expected.FindStringSubmatch(one)
		named := namedHows(match)
		if named == nil {
			return nil, fmt.Errorf("behind Caught-by: %q is not like %q, or (%s)", one, "TestFinWait1Reaped/IPv6 (end)", joined(hows, " or "))
		}
		all = append(all, expectation{match[1], match[2], named})
	}
	return all, nil
}

// namedHows are those of an expectation; none if it is no expectation, or names one that
// there is not.
func namedHows(match []string) []how {
	if match == nil {
		return nil
	}
	var named []how
	for word := range strings.SplitSeq(match[3], " or ") {
		if !slices.Contains(hows, how(word)) {
			return nil
		}
		named = append(named, how(word))
	}
	return named
}

// parseChange reads the change behind "--- a/".
func (p *patch) parseChange(change string) error {
	lines := strings.Split(change, "\n")
	p.file = lines[0]
	if !sourceFile.MatchString(p.file) || len(lines) < 2 || lines[1] != "+++ b/"+p.file {
		return fmt.Errorf("it must change one .c file below net, not %s", p.file)
	}
	added, removed := 0, 0
	for _, line := range lines[2:] {
		switch {
		case strings.HasPrefix(line, "+"):
			added++
		case strings.HasPrefix(line, "-"):
			removed++
		}
	}
	if added > 1 || removed > 1 || added+removed == 0 {
		return fmt.Errorf("it adds %d lines and removes %d, want one line changed", added, removed)
	}
	return nil
}

func joined[T ~string](all []T, with string) string {
	var texts []string
	for _, one := range all {
		texts = append(texts, string(one))
	}
	return strings.Join(texts, with)
}
