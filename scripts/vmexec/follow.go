package main

import (
	"errors"
	"io"
	"os"
	"time"
)

// followPace is how often is looked for more: nothing tells that a file has grown
// which another process has open without a name.
const followPace = 10 * time.Millisecond

// A follower reads a file while the guest writes it, to the end that it has when the
// guest is over.
type follower struct {
	file *os.File
	at   int64
	over <-chan struct{}
	last bool
}

func follow(file *os.File, over <-chan struct{}) *follower { return &follower{file: file, over: over} }

func (f *follower) Read(p []byte) (int, error) {
	for {
		n, err := f.file.ReadAt(p, f.at)
		f.at += int64(n)
		switch {
		case n > 0:
			return n, nil
		case !errors.Is(err, io.EOF), f.last:
			return 0, err
		}
		select {
		case <-f.over:
			f.last = true // what was written before that is still to be read
		case <-time.After(followPace):
		}
	}
}
