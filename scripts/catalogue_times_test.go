package scripts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The times in the rows of the cases are those of the plan, at HZ 250, all of
// them and no others. Rows of cases that are judged by what happens may name
// times of another case.
func TestCatalogueHasTheTimesOfThePlan(t *testing.T) {
	requireCatalogueHZ(t)
	complain(t, wrongCaseTimes(catalogue(t), planOfDefaults(t)))
}

var anySpan = regexp.MustCompile(`\d+\.\d\d to \d+\.\d\d s`)

func wrongCaseTimes(page string, plan planned) (complaints []string) {
	predicted := map[string][]string{}
	for _, c := range plan.Cases {
		for _, span := range c.Window {
			predicted[c.Test] = append(predicted[c.Test], fmt.Sprintf("%.2f to %.2f s", span.Min, span.Max))
		}
	}
	for test, spans := range predicted {
		for line := range strings.Lines(page) {
			if !strings.HasPrefix(line, "|") || !strings.Contains(line, "["+test+"]") {
				continue
			}
			written := anySpan.FindAllString(line, -1)
			for _, span := range spans {
				if !slices.Contains(written, span) {
					complaints = append(complaints, fmt.Sprintf("the row of %s lacks %s", test, span))
				}
			}
			for _, span := range written {
				if !slices.Contains(spans, span) {
					complaints = append(complaints, fmt.Sprintf("the row of %s has %s, which the plan has not", test, span))
				}
			}
		}
	}
	return complaints
}
