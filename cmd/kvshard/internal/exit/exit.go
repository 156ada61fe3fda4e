// Package exit ends the command with an exit code, a message and a hint.
package exit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The exit codes, as the help of the command has them. They are stable.
const (
	Other       = 1
	Usage       = 2
	Input       = 3
	NotFound    = 4
	No          = 5
	State       = 6
	Store       = 7
	Interrupted = 130
)

// A codedError has an exit code and says what to do.
type codedError struct {
	code int
	err  error
	hint string
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// Errorf returns an error with an exit code and a hint: what to do about it, ""
// if nothing can be said. Format and args are those of [fmt.Errorf].
func Errorf(code int, hint, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...), hint}
}

// Usagef returns an error of the command line.
func Usagef(format string, args ...any) error { return Errorf(Usage, "", format, args...) }

// silentError is an answer that was given already.
type silentError struct{ code int }

func (e *silentError) Error() string { return "the answer is no" }

// Silent returns an error that is not reported: the command has given its
// answer, and only the exit code is missing.
func Silent(code int) error { return &silentError{code} }

// ranError marks what a command returned.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }
func (e *ranError) Unwrap() error { return e.err }

// Ran marks an error as a command's own. An error without the mark is cobra's, about
// the command line.
func Ran(err error) error { return &ranError{err} }

// Report writes to w what went wrong, in JSON or as text, and returns the exit code.
// The command is the one that failed, such as "kvshard root".
func Report(w io.Writer, command string, asJSON bool, err error) int {
	code, hint := classify(err)
	var silent *silentError
	if errors.As(err, &silent) {
		return silent.code
	}
	message := err.Error()
	var own *codedError
	if code == Interrupted && !errors.As(err, &own) {
		message = "interrupted"
	}
	if hint == "" && code == Usage {
		hint = fmt.Sprintf("run \"%s --help\"", command)
	}
	if asJSON {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": message, "hint": hint, "code": code})
		return code
	}
	fmt.Fprintf(w, "%s: %s\n", command, message)
	if hint != "" {
		fmt.Fprintf(w, "  hint: %s\n", hint)
	}
	return code
}
