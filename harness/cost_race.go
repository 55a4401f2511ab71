//go:build race

package harness

import "time"

// startCost is about what the start of a lab takes of one processor, under the
// race detector.
const startCost = 60 * time.Millisecond
