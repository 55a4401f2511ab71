package report_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/finwait/finwait/harness/report"
)

// The same suite on two kernels, the second of which waits longer.
func ExampleCompare() {
	const results = `{"version":1,"kernel":"%s","hz":250,"labs":[{"test":"TestFinWait2Reaped/IPv4",
		"title":"FIN_WAIT_2, server never closes, IPv4","result":"passed","verdicts":[{"host":"client","ending":"FIN_WAIT_2",
		"outcome":"reaped in its window","passed":true,"over":true,"lasted":{"min":%[2]d.093,"max":%[2]d.095},
		"text":"client reaped from FIN_WAIT_2 after %[2]d.094 s, window %[2]d.000 to %[2]d.256 s",
		"window":[{"min":%[2]d,"max":%[2]d.256}]}]}]}`
	var runs []report.Run
	for _, text := range []string{fmt.Sprintf(results, "6.12.1", 3), fmt.Sprintf(results, "6.18.44", 5)} {
		run, err := report.Read(strings.NewReader(text))
		if err != nil {
			log.Fatal(err)
		}
		runs = append(runs, run)
	}
	comparison := report.Compare(runs, []string{"old.json", "new.json"})
	fmt.Print(comparison.Text())
	fmt.Println("worse:", comparison.Worse())
	// Output:
	// A  old.json: Linux 6.12.1, HZ 250, 1 lab: 1 passed
	// B  new.json: Linux 6.18.44, HZ 250, 1 lab: 1 passed
	//
	// moved        FIN_WAIT_2, server never closes, IPv4
	//              A  client reaped from FIN_WAIT_2 after 3.094 s, window 3.000 to 3.256 s
	//              B  client reaped from FIN_WAIT_2 after 5.094 s, window 5.000 to 5.256 s
	//              Linux 6.12.1 → 6.18.44, unexplained
	//
	// 1 lab: 0 the same, 1 moved; 1 unexplained
	// worse: true
}
