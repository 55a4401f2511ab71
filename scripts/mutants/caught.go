package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/finwait/finwait/harness/report"
)

// how is what gave a mutant away.
type how string

const (
	deadline how = "deadline" // a timer was armed for another moment, or another timer was
	end      how = "end"      // a state, or a call, ended otherwise or at another moment
	counters how = "counters" // the kernel counted something else
	segments how = "segments" // other segments were on the wire
	errno    how = "errno"    // a call failed otherwise, or succeeded
	other    how = "other"
)

var hows = []how{deadline, end, counters, segments, errno, other}

// telling are what the harness says of a failure, and require in package cases, in
// the order in which they are looked for.
var telling = []struct {
	how  how
	text *regexp.Regexp
}{
	{counters, regexp.MustCompile(`moved by -?\d|moves the counters`)},
	{segments, regexp.MustCompile(`on the wire|sent .* \d+ times in|answered \d+ FINs|answered the \w+ FIN|the \w+ time again|Segment|segment`)},
	{errno, regexp.MustCompile(`was told|in (err )?chain|unexpected error|An error is expected`)},
	{end, regexp.MustCompile(`too early|too late|is still in|close took|it ended|it went to| went from |not held in|held in|should have stayed|when its own timer`)},
	{deadline, regexp.MustCompile(`was armed for|deadline|due after|held by the|held once more|retransmission \d+|which a timer ends`)},
}

// howOf tells how by what is said of a failure.
func howOf(text string) how {
	for _, one := range telling {
		if one.text.MatchString(text) {
			return one.how
		}
	}
	return other
}

// A failure is a lab that did not pass.
type failure struct {
	test   string // the case
	family string
	how    how
	text   string // what is said of it
}

// readFailures are the labs that did not pass: of the report, and where that says no
// reason of what the test printed.
func readFailures(dir, printed string) ([]failure, error) {
	file, err := os.Open(filepath.Join(dir, "results.json"))
	if err != nil {
		return nil, err
	}
	run, err := report.Read(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(run.Labs) == 0 {
		return nil, fmt.Errorf("%s has no lab", file.Name())
	}
	blocks := failedBlocks(printed)
	var all []failure
	for _, lab := range run.Labs {
		if lab.Result != report.Failed && lab.Result != report.Inconclusive {
			continue
		}
		test, _, _ := strings.Cut(lab.Test, "/")
		text := lab.Reason
		if text == "" {
			text = blocks[lab.Test]
		}
		all = append(all, failure{test, lab.Family, howOf(text), text})
	}
	return all, nil
}

var failLine = regexp.MustCompile(`(?m)^\s*--- (?:FAIL|PASS|SKIP): (\S+) \(.*\)$`)

// failedBlocks is what was printed of each test that failed.
func failedBlocks(printed string) map[string]string {
	blocks := map[string]string{}
	places := failLine.FindAllStringSubmatchIndex(printed, -1)
	for i, place := range places {
		until := len(printed)
		if i+1 < len(places) {
			until = places[i+1][0]
		}
		blocks[printed[place[2]:place[3]]] = strings.TrimSpace(printed[place[1]:until])
	}
	return blocks
}

// fits reports whether a failure is one that was expected.
func (e expectation) fits(f failure) bool {
	return e.test == f.test && slices.Contains(e.hows, f.how) && (e.family == "" || e.family == f.family)
}

// unmet are the expectations that no failure fits, and those of one family whose
// case failed in the other.
func (p patch) unmet(failures []failure) []string {
	var all []string
	for _, e := range p.caught {
		if !slices.ContainsFunc(failures, e.fits) {
			all = append(all, e.String())
			continue
		}
		foreign := func(f failure) bool { return f.test == e.test && e.family != "" && f.family != e.family }
		if slices.ContainsFunc(failures, foreign) {
			all = append(all, e.String()+" alone")
		}
	}
	return all
}
