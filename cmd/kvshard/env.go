package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// An env is what a command works in: its input and output, and the flags that
// all commands have.
type env struct {
	in       io.Reader
	out, err io.Writer

	output  string       // text or json
	showing string       // of progress: auto, bar, plain or off
	place   source.Place // where the tree is
	backend string       // of a new tree
}

// emit writes the result: the value in JSON, or what text writes.
func (e *env) emit(value any, text func(w io.Writer)) error { return e.emitTo(e.out, value, text) }

// emitTo does so to w.
func (e *env) emitTo(w io.Writer, value any, text func(w io.Writer)) error {
	if e.output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	checked := &keepError{w: w}
	text(checked)
	return checked.err
}

// printLacking prints what an answer lacks, if it lacks anything.
func printLacking(w io.Writer, lacking string) {
	if lacking != "" {
		fmt.Fprintln(w, lacking)
	}
}

// isTerminal tells whether what is written to w goes to a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// notForTerminal refuses to write binary output to a terminal.
func notForTerminal(w io.Writer) error {
	if isTerminal(w) {
		return exit.Usagef("the binary form is not for a terminal: give --file, or redirect the output")
	}
	return nil
}

// keepError remembers that a write failed.
type keepError struct {
	w   io.Writer
	err error
}

func (k *keepError) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	if k.err == nil {
		k.err = err
	}
	return n, err
}
