package report

import "slices"

// fold shows the moments in their order, and folds the middle of each long run of
// plain segments.
func fold(all []moment, show, hide func(run []moment)) {
	const shown = 3 // of a run that is folded, at each end
	for len(all) > 0 {
		n := max(1, plainRun(all))
		if n > 2*shown+1 { // folding one moment saves none
			show(all[:shown])
			hide(all[shown : n-shown])
			show(all[n-shown : n])
		} else {
			show(all[:n])
		}
		all = all[n:]
	}
}

// plainRun is the number of moments, from the first on, that hold nothing but a
// segment which neither begins nor ends a connection.
func plainRun(all []moment) int {
	n := slices.IndexFunc(all, func(m moment) bool { return len(m.texts) > 0 || m.segment == nil || !m.segment.plain() })
	if n < 0 {
		return len(all)
	}
	return n
}
