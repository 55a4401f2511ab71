package uml

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A BuildError is one of the source: it cannot be configured, compiled or linked.
type BuildError struct {
	Step string   // what failed
	Last []string // the last lines that it printed
	Err  error
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("%s: %v\n%s", e.Step, e.Err, strings.Join(e.Last, "\n"))
}

func (e *BuildError) Unwrap() error { return e.Err }

// lastLines is how many lines of a failed program an error shows: what gcc says
// of one mistake, and the chain of makes that ended by it.
const lastLines = 20

// run runs a program for a step of the build in a directory; if ctx ends, it is told to end and given time
// to clean up after itself.
func run(ctx context.Context, log io.Writer, step, dir, name string, args ...string) error {
	var said bytes.Buffer
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = environment()
	command.Stdin = defaults{}
	command.Stdout = io.MultiWriter(log, &said)
	command.Stderr = command.Stdout
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return &BuildError{Step: step, Last: lines[max(0, len(lines)-lastLines):], Err: err}
	}
	return nil
}

// defaults answers whatever is asked for by what it would be otherwise. A source that
// has changed asks for what is new in its configuration.
type defaults struct{}

func (defaults) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

// environment is this process's, without what a make that runs us tells its
// children, and with messages that do not depend on who runs it.
func environment() []string {
	env := []string{}
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARCH", "CROSS_COMPILE", "LC_ALL":
		default:
			env = append(env, entry)
		}
	}
	return append(env, "LC_ALL=C")
}
