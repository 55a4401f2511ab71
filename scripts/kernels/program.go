package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// output runs a program in a directory, and is what it prints. If it fails, the
// error is what it calls one.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	var out, said bytes.Buffer
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.Stdout, command.Stderr = &out, &said
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s is missing: only Debian and its relatives have it", name)
	case err != nil:
		return "", &failedError{name, said.String(), err}
	}
	return out.String(), nil
}

// A failedError is of a program that ended with a status.
type failedError struct {
	name, said string
	err        error
}

// Error is one line: of apt the first that it marks as an error, else the last.
func (e *failedError) Error() string {
	line := ""
	for said := range strings.Lines(e.said) {
		if said = strings.TrimSpace(said); said == "" {
			continue
		}
		line = said
		if text, is := strings.CutPrefix(said, "E: "); is {
			line = text
			break
		}
	}
	if line == "" {
		return fmt.Sprintf("%s: %v", e.name, e.err)
	}
	return e.name + ": " + strings.TrimPrefix(line, e.name+": ")
}

func (e *failedError) Unwrap() error { return e.err }
