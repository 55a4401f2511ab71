//go:build !race

package harness

import "time"

// startCost is about what the start of a lab takes of one processor. Measured on
// Linux 6.18: the short cases take 19 to 22 ms of processor time for each of their
// 336 labs, most of it for iptables; with 21 to 24 ms, measured in turn with that,
// 30 ms were right.
const startCost = 28 * time.Millisecond
