package report

import "fmt"

// check finds what no run can have found, and what the rest of the package
// relies on.
func (r Run) check() error {
	seen := make(map[string]bool, len(r.Labs))
	for i, lab := range r.Labs {
		if lab.Test == "" {
			return fmt.Errorf("lab %d names no test", i+1)
		}
		if seen[lab.Test] {
			return fmt.Errorf("lab %q is there twice", lab.Test)
		}
		seen[lab.Test] = true
		if err := lab.check(); err != nil {
			return fmt.Errorf("lab %q: %w", lab.Test, err)
		}
	}
	return nil
}

func (l Lab) check() error {
	switch l.Result {
	case Passed, Failed, Inconclusive, Skipped:
	default:
		return fmt.Errorf("unknown result %q", l.Result)
	}
	for _, v := range l.Verdicts {
		if err := v.check(); err != nil {
			return fmt.Errorf("verdict on %q of the %q: %w", v.Ending, v.Host, err)
		}
	}
	for i, s := range l.Segments {
		if s.Sent == nil && s.Arrived == nil {
			return fmt.Errorf("segment %d was neither sent, nor did it arrive", i+1)
		}
	}
	return nil
}

func (v Verdict) check() error {
	errs := []error{checkIntervals("start", v.Start), checkIntervals("lasted", v.Lasted), checkIntervals("window", v.Window...)}
	for _, rival := range v.Like {
		errs = append(errs, checkIntervals(fmt.Sprintf("window of %q", rival.Name), rival.Window...))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkIntervals(name string, intervals ...Interval) error {
	for _, i := range intervals {
		if i.Min > i.Max {
			return fmt.Errorf("%s ends before it begins: %s to %s", name, inSeconds(i.Min), inSeconds(i.Max))
		}
	}
	return nil
}
