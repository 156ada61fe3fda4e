package main

import (
	"bufio"
	"encoding/json"
	"io"
)

// lines writes JSON, a line each.
type lines struct {
	w *bufio.Writer
	e *json.Encoder
}

func newLines(w io.Writer) *lines {
	buffered := bufio.NewWriterSize(w, 1<<16)
	return &lines{buffered, json.NewEncoder(buffered)}
}

func (l *lines) encode(v any) error { return l.e.Encode(v) }
func (l *lines) flush() error       { return l.w.Flush() }
