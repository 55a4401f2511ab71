package harness

import "runtime"

// turns are as many as there are processors.
var turns = make(chan struct{}, runtime.NumCPU())

// inTurn runs what keeps a processor busy: building a lab, running iptables.
// More of it at once would end no sooner, and would keep the watchers, which
// need next to nothing, from their turn.
func inTurn(f func() error) error {
	turns <- struct{}{}
	defer func() { <-turns }()
	return f()
}
