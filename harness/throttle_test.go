package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A close waits for the programs that run, keeps others from running, and then
// lets them.
func TestTurnstile(t *testing.T) {
	t.Parallel()
	gate := newTurnstile()
	end := make(chan struct{})
	running := make(chan struct{})
	go func() {
		assert.NoError(t, gate.run(func() error {
			close(running)
			<-end
			return nil
		}))
	}()
	<-running

	closing := make(chan func())
	for range 2 {
		go func() { closing <- gate.close() }()
	}
	select {
	case <-closing:
		assert.Fail(t, "closed while a program ran")
	case <-time.After(20 * time.Millisecond):
	}
	close(end)
	first, second := <-closing, <-closing // at the same time

	ran := make(chan struct{})
	go func() {
		assert.NoError(t, gate.run(func() error { return nil }))
		close(ran)
	}()
	first()
	first()
	select {
	case <-ran:
		assert.Fail(t, "a program ran while one was closing")
	case <-time.After(20 * time.Millisecond):
	}
	second()
	<-ran
}
