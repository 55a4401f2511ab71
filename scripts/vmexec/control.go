package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// A message is what init in the guest tells the host: a line of JSON, and behind
// one of a file its content, packed. It is the whole protocol; nothing is answered.
type message struct {
	Kind messageKind
	// Path and Mode are of a file, Size is that of what follows.
	Path string `json:",omitempty"`
	Mode uint32 `json:",omitempty"`
	Size int    `json:",omitempty"`
	// Status is the exit status of the test, Signal what ended it instead.
	Status int    `json:",omitempty"`
	Signal string `json:",omitempty"`
	// Why is why init could not go on.
	Why string `json:",omitempty"`

	content []byte // unpacked
}

type messageKind string

const (
	started messageKind = "started" // the test begins
	wrote   messageKind = "wrote"   // the test has written this file
	exited  messageKind = "exited"  // the test has ended; the last message
	failed  messageKind = "failed"  // init cannot go on; the last message
)

// send writes a message.
func send(to io.Writer, m message) error {
	var packed bytes.Buffer
	if m.Kind == wrote {
		packer, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err != nil {
			return err
		}
		if _, err := packer.Write(m.content); err != nil {
			return err
		}
		if err := packer.Close(); err != nil {
			return err
		}
		m.Size = packed.Len()
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = to.Write(append(append(line, '\n'), packed.Bytes()...))
	return err
}

// receive reads a message; io.EOF after the last whole one.
func receive(from *bufio.Reader) (message, error) {
	line, err := from.ReadBytes('\n')
	if err != nil {
		return message{}, io.EOF // the guest ended within a line
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return message{}, fmt.Errorf("the guest tells %.80q: %w", line, err)
	}
	if m.Kind != wrote {
		return m, nil
	}
	packed := make([]byte, m.Size)
	if _, err := io.ReadFull(from, packed); err != nil {
		return message{}, io.EOF
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		m.content, err = io.ReadAll(unpacker)
	}
	if err != nil {
		return message{}, fmt.Errorf("unpacking %s, which the guest sent: %w", m.Path, err)
	}
	return m, nil
}
