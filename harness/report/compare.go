package report

import (
	"cmp"
	"slices"
)

// Comparison is what two or more runs found of the same labs. The first run is
// what the others are held against.
type Comparison struct {
	runs  []Run
	names []string
	rows  []comparedLab
	// lacking are the names of runs that have no result.
	lacking []string
}

// A comparedLab is one lab in all of the runs.
type comparedLab struct {
	test string
	// labs has one for each run, nil where the run has no such lab.
	labs []*Lab
	// changes are those of each run from the first.
	changes []change
	// differs says that some two of the runs do not agree.
	differs bool
	// amiss says that the lab failed or was inconclusive in one of the runs, or
	// differs for no reason that the model knows.
	amiss bool
}

// A change is what became of a lab from one run to another.
type change string

// The changes.
const (
	same       change = "the same"
	worse      change = "worse"
	missing    change = "gone"
	moved      change = "moved" // passed both times, but not with the same end
	skippedNow change = "skipped now"
	fresh      change = "new"
	better     change = "better"
)

// changes are in the order in which a reader wants to know of them.
var changes = []change{worse, missing, moved, skippedNow, fresh, better}

// Compare holds the runs against the first of them, lab by lab, as told apart
// by Test. There is a name for each run, such as that of its file. Labs that
// passed in two runs have moved if a state ended otherwise than it did, or
// outside the window that the end had.
func Compare(runs []Run, names []string) Comparison {
	c := Comparison{runs: runs, names: names}
	byTest := map[string]*comparedLab{}
	var tests []string
	for i, run := range runs {
		for j := range run.Labs {
			lab := &run.Labs[j]
			row := byTest[lab.Test]
			if row == nil {
				row = &comparedLab{test: lab.Test, labs: make([]*Lab, len(runs))}
				byTest[lab.Test] = row
				tests = append(tests, lab.Test)
			}
			row.labs[i] = lab
		}
	}
	for _, test := range tests {
		row := byTest[test]
		row.compare(runs)
		row.amiss = row.broken() || c.unexplained(*row)
		c.rows = append(c.rows, *row)
	}
	slices.SortFunc(c.rows, func(a, b comparedLab) int {
		if c.byModel() && a.amiss != b.amiss {
			if a.amiss {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.test, b.test))
	})
	return c
}

func (c *comparedLab) compare(runs []Run) {
	for i := range runs {
		c.changes = append(c.changes, c.between(runs, 0, i))
		for j := range i {
			c.differs = c.differs || c.between(runs, j, i) != same
		}
	}
}

// between is what became of the lab from run i to run j.
func (c *comparedLab) between(runs []Run, i, j int) change {
	before, now := c.labs[i], c.labs[j]
	switch {
	case i == j, before == nil && now == nil:
		return same
	case before == nil:
		return fresh
	case now == nil:
		return missing
	case before.Result == Passed && now.Result == Passed:
		if len(movedEnds(*before, *now, runs[i].HZ == runs[j].HZ)) > 0 {
			return moved
		}
		return same
	case now.Result == before.Result:
		return same
	case now.Result == Skipped:
		return skippedNow
	case badness(now.Result) > badness(before.Result):
		return worse
	}
	return better
}

// badness orders the results: the larger, the worse.
func badness(r Result) int {
	return slices.Index([]Result{Passed, Skipped, Inconclusive, Failed}, r)
}

// urgency is the rank of the change that a reader most wants to know of.
func (c *comparedLab) urgency() int {
	rank := len(changes)
	for _, one := range c.changes {
		if i := slices.Index(changes, one); i >= 0 {
			rank = min(rank, i)
		}
	}
	return rank
}
