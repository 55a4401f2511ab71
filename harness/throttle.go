package harness

import (
	"runtime"
	"sync"
)

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

// procsPerCPU is how many goroutines may run at once for each processor. Go has
// one by default, and a fork keeps it until the child runs its program
// (forkExec in package syscall, CLONE_VFORK): two programs that are being
// started on a busy machine with two processors would stop all watchers, for a
// second at the worst.
const procsPerCPU = 8

// spareProcs makes room for the programs that will be started.
func spareProcs() {
	if virtualTime() {
		return
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), procsPerCPU*runtime.NumCPU()))
}

// programs keeps apart the programs that we run and the closing of sockets: a
// process that was forked has a copy of every descriptor until it has begun to
// run its program, and close sends no FIN while there is another. Waiting for
// the fork alone would not do, for the kernel lets the parent go on before it
// closes the copies (begin_new_exec in fs/exec.c, Linux 6.1).
var programs = newTurnstile()

// A turnstile lets many run, or many close, but not both at once. Those who want
// to close go first: it takes microseconds.
type turnstile struct {
	mu      sync.Mutex
	changed *sync.Cond
	running int
	closing int
	waiting int // to close
}

func newTurnstile() *turnstile {
	t := &turnstile{}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// run runs f, which runs a program, while nobody closes.
func (t *turnstile) run(f func() error) error {
	t.mu.Lock()
	for t.closing+t.waiting > 0 {
		t.changed.Wait()
	}
	t.running++
	t.mu.Unlock()
	defer t.leave(&t.running)
	return f()
}

// close waits until no program runs, and keeps others from it until leave is
// called.
func (t *turnstile) close() (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting++
	for t.running > 0 {
		t.changed.Wait()
	}
	t.waiting--
	t.closing++
	return sync.OnceFunc(func() { t.leave(&t.closing) })
}

func (t *turnstile) leave(count *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*count--
	t.changed.Broadcast()
}
