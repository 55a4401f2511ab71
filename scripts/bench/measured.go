package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// measured is a round each: values by benchmark and unit, as "BenchmarkUp/lab ns/op".
type measured []map[string]float64

var processors = regexp.MustCompile(`-\d+$`)

// parse reads what go test prints of benchmarks.
func parse(text []byte) (map[string]float64, error) {
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(fields[0], "")
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("reading a benchmark: %w in %q", err, line)
			}
			values[name+" "+fields[i+1]] = value
		}
	}
	return values, nil
}
