//go:build !race

package harness

import "time"

// startCost is more than the start of a lab takes of one processor. Measured on
// Linux 6.18: the short cases take 16 to 17 ms of processor time for each of their 350
// labs, most of it for iptables; with 19 to 22 ms, measured earlier, 28 ms were right.
const startCost = 28 * time.Millisecond
