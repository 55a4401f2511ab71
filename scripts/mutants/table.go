package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A result is what became of one kernel.
type result struct {
	patch
	// short and full are what failed in both lengths of the suite.
	short, full []failure
	// err says why there is no result: the patch does not apply, the kernel does not
	// build or ends before the suite does.
	err error
}

// wrong says what is not as it should be; empty if all is.
func (r result) wrong() string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case r.control() && len(r.short)+len(r.full) > 0:
		return "is harmless, and was caught"
	case r.control():
		return ""
	case len(r.full) == 0:
		return "survived"
	}
	if unmet := r.unmet(r.full); len(unmet) > 0 {
		return "was not caught by " + strings.Join(unmet, ", ")
	}
	return ""
}

// A catch is a case that failed, in which families, and how.
type catch struct {
	test     string
	families []string
	hows     []how
}

func (c catch) String() string {
	family := ""
	if len(c.families) == 1 {
		family = "/" + c.families[0]
	}
	return fmt.Sprintf("%s%s (%s)", c.test, family, joined(c.hows, ", "))
}

// catches are the cases that failed, those that had to at first.
func (p patch) catches(failures []failure) []catch {
	named := func(test string) int {
		return slices.IndexFunc(p.caught, func(e expectation) bool { return e.test == test })
	}
	byTest := map[string]*catch{}
	var all []catch
	for _, f := range failures {
		c := byTest[f.test]
		if c == nil {
			c = &catch{test: f.test}
			byTest[f.test] = c
		}
		if !slices.Contains(c.families, f.family) {
			c.families = append(c.families, f.family)
		}
		if !slices.Contains(c.hows, f.how) {
			c.hows = append(c.hows, f.how)
			slices.Sort(c.hows)
		}
	}
	for _, c := range byTest {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b catch) int {
		return cmp.Or(cmp.Compare(uint(named(a.test)), uint(named(b.test))), strings.Compare(a.test, b.test))
	})
	return all
}

// shown is how many cases a row names; a mutant may have most of them fail.
const shown = 6

// caughtBy is a row's list of cases.
func (p patch) caughtBy(failures []failure) string {
	all := p.catches(failures)
	if len(all) == 0 {
		return "none"
	}
	var texts []string
	for _, c := range all[:min(max(shown, len(p.caught)), len(all))] {
		texts = append(texts, c.String())
	}
	if more := len(all) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d: %s", len(all), strings.Join(texts, ", "))
}

// text is the table for a terminal.
func text(results []result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s: %s\n", r.name, r.says)
		if wrong := r.wrong(); wrong != "" {
			fmt.Fprintf(&b, "  WRONG   %s\n", wrong)
		}
		if r.err == nil {
			fmt.Fprintf(&b, "  -short  %s\n  full    %s\n", r.caughtBy(r.short), r.caughtBy(r.full))
		}
	}
	return b.String()
}

// markdown is the table for the page.
func markdown(results []result) string {
	var b strings.Builder
	b.WriteString("| mutant | what it breaks | caught in `-short` by | caught in full by |\n|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.name, r.says, r.caughtBy(r.short), r.caughtBy(r.full))
	}
	return b.String()
}

// The table of the page is between two lines.
const (
	tableBegins = "<!-- make mutants ARGS=-write -->\n"
	tableEnds   = "<!-- end -->\n"
)

// writePage puts the table into the page.
func writePage(path string, results []result) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	before, rest, begins := strings.Cut(string(page), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %q and %q", path, strings.TrimSpace(tableBegins), strings.TrimSpace(tableEnds))
	}
	if err := os.WriteFile(path, []byte(before+tableBegins+markdown(results)+tableEnds+after), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
