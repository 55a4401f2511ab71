package harness

import (
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

const (
	// terminalPace is how often the line on the terminal changes.
	terminalPace = time.Second
	// logPace is how often -v adds a line where there is no terminal.
	logPace = 15 * time.Second
)

// progress tells how far a run has come: on the terminal itself, for go test
// shows nothing of a package before it has ended, or else with -v in the output.
type progress struct {
	mu                   sync.Mutex
	held, judged, failed int
	begin                time.Time
	longest              time.Duration
	terminal             io.WriteCloser // nil if there is none
	quit, done           chan struct{}  // nil while nothing is shown
}

// show starts to tell, of a new round where another was told of; out takes the lines
// of -v.
func (p *progress) show(longest time.Duration, out io.Writer) error {
	if err := p.stop(); err != nil {
		return err
	}
	p.begin, p.longest = time.Now(), longest
	if virtualTime() {
		return nil
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		p.terminal = terminal
	} else if !testing.Verbose() {
		return nil
	}
	p.quit, p.done = make(chan struct{}), make(chan struct{})
	go p.run(out)
	return nil
}

func (p *progress) run(out io.Writer) {
	defer close(p.done)
	pace := logPace
	if p.terminal != nil {
		pace = terminalPace
	}
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-ticker.C:
		}
		if p.terminal == nil {
			fmt.Fprintf(out, "      %s\n", p)
			continue
		}
		// What else is written begins at the start of the line, and over it.
		fmt.Fprintf(p.terminal, "\r%s\x1b[K\r", p)
	}
}

// String is the line.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := max(0, p.longest-time.Since(p.begin)).Round(time.Second)
	return fmt.Sprintf("%4.0f s left of %.0f s   %d held, %d judged, %d failed", left.Seconds(), p.longest.Seconds(), p.held, p.judged, p.failed)
}

// hold counts a lab that was built.
func (p *progress) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held++
}

// release counts one that is no more.
func (p *progress) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
}

// end counts one that was judged.
func (p *progress) end(failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judged++
	if failed {
		p.failed++
	}
}

// clear empties the line on the terminal, for something else to be written there.
func (p *progress) clear() {
	if p.terminal != nil {
		io.WriteString(p.terminal, "\r\x1b[K")
	}
}

// stop ends the telling.
func (p *progress) stop() error {
	if p.quit == nil {
		return nil
	}
	close(p.quit)
	<-p.done
	p.quit = nil
	p.clear()
	if p.terminal == nil {
		return nil
	}
	terminal := p.terminal
	p.terminal = nil
	return terminal.Close()
}
