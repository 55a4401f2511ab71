package report

import "slices"

// Lacking is the comparison with the names of runs that have no result, and are
// worse than any that has one.
func (c Comparison) Lacking(names ...string) Comparison {
	c.lacking = names
	return c
}

// Worse reports whether there is something to be looked into.
//
// Of two runs on one kernel that is a lab of the first which is gone, did not pass
// any more, or moved. Kernels of several releases move labs by what is known of
// them: of those, and of more than two runs, it is a lab that failed or was
// inconclusive in any of them, or differs for no reason that the model knows (see
// Unexplained), and a run without labs.
func (c Comparison) Worse() bool {
	if len(c.lacking) > 0 {
		return true
	}
	if c.byModel() {
		return slices.ContainsFunc(c.rows, func(row comparedLab) bool { return row.amiss }) ||
			slices.ContainsFunc(c.runs, func(run Run) bool { return len(run.Labs) == 0 })
	}
	return slices.ContainsFunc(c.rows, func(row comparedLab) bool {
		return slices.ContainsFunc(row.changes, func(one change) bool {
			return one == worse || one == missing || one == moved
		})
	})
}

// byModel reports whether the model says what may differ: two runs on one kernel
// should not.
func (c Comparison) byModel() bool {
	return len(c.runs) != 2 || c.runs[0].Kernel != c.runs[1].Kernel
}

// broken reports whether the lab failed or was inconclusive in one of the runs.
func (c *comparedLab) broken() bool {
	return slices.ContainsFunc(c.labs, func(lab *Lab) bool {
		return lab != nil && badness(lab.Result) >= badness(Inconclusive)
	})
}
