//go:build !race

package harness

import "time"

// startCost is about what the start of a lab takes of one processor.
const startCost = 30 * time.Millisecond
