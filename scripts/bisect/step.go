package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A judgement is the answer to one commit.
type judgement struct {
	answer
	commit      string // its short hash and subject
	why         string
	built, took time.Duration // took is what the cases took, zero if they were not run
}

// String is one line.
func (j judgement) String() string {
	times := fmt.Sprintf("built in %.0f s", j.built.Seconds())
	if j.took > 0 {
		times += fmt.Sprintf(", run in %.0f s", j.took.Seconds())
	}
	return fmt.Sprintf("%v: %s (%s): %s", j.answer, j.commit, times, oneLine(j.why))
}

// oneLine joins what others print in lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// step judges the commit that is checked out in the current directory. An error is of
// anything but the commit.
func step(ctx context.Context, selected []string) (judgement, error) {
	s, err := findSuite()
	if err != nil {
		return judgement{}, err
	}
	if err := s.check(ctx, selected); err != nil {
		return judgement{}, err
	}
	w, err := openWorkTree(ctx)
	if err != nil {
		return judgement{}, err
	}
	j := judgement{commit: w.commit}
	begun := time.Now()
	kernel, err := w.build(ctx)
	j.built = time.Since(begun)
	var unbuildable *commitError
	if errors.As(err, &unbuildable) {
		j.answer, j.why = skip, err.Error()
		return j, nil
	}
	if err != nil {
		return j, err
	}
	begun = time.Now()
	ran, err := s.run(ctx, kernel, w.dir, selected)
	j.took = time.Since(begun)
	if err != nil {
		return j, err
	}
	j.answer, j.why, err = ran.judge()
	return j, err
}

// logTo has a function write a file, in place of the one before.
func logTo(dir, name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}
