package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
)

// The exit codes, as the help of the command has them. They are stable.
const (
	codeOther       = 1
	codeUsage       = 2
	codeInput       = 3
	codeNotFound    = 4
	codeNo          = 5
	codeState       = 6
	codeStore       = 7
	codeInterrupted = 130
)

// A codedError has an exit code and says what to do.
type codedError struct {
	code int
	err  error
	hint string
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// silentError is an answer, which has been given already.
type silentError struct{ code int }

func (e *silentError) Error() string { return "the answer is no" }

func coded(code int, hint, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...), hint}
}

func usage(format string, args ...any) error { return coded(codeUsage, "", format, args...) }

// freeSpace is what to do about a full disk, whose name is in the error.
const freeSpace = "free some space there"

// classify returns the exit code of an error and what to do about it.
func classify(err error) (code int, hint string) {
	var own *codedError
	if errors.As(err, &own) {
		return own.code, own.hint
	}
	for _, c := range []struct {
		is   error
		code int
		hint string
	}{
		{context.Canceled, codeInterrupted, "the same command again"},
		{disk.ErrReadOnly, codeUsage, "leave --db out: only a tree in a --dir can be written"},
		{disk.ErrMissing, codeStore, "give another path, or make a tree with \"kvshard init\""},
		{disk.ErrNoStore, codeStore, "give another --store or --height"},
		{disk.ErrEngine, codeStore, "give the directory that the tree was made in, or a copy of all of it"},
		{disk.ErrInUse, codeStore, "stop the node or command that has it open, or read a copy of the directory"},
		{disk.ErrFull, codeStore, freeSpace + ", then give the same command again"},
		{disk.ErrDamaged, codeStore, "take a backup; \"kvshard check\" tells more, and \"kvshard export --salvage\" takes out what is left"},
		{kvshard.ErrInvalidNode, codeInput, "64 hex digits, the least significant byte first (explorers show roots the other way round)"},
		{kvshard.ErrInvalidWitness, codeNo, "the leaf, position and root that the witness was made for"},
		{kvshard.ErrCheckpointOrder, codeState, "an id above the newest of \"kvshard checkpoint\", or append --start to go on with an input"},
		{kvshard.ErrTreeFull, codeState, "another tree: this one has no place left"},
		{kvshard.ErrNotEmpty, codeState, "an empty tree: \"kvshard init --dir ANOTHER\""},
		{kvshard.ErrPositionNotFound, codeNotFound, "a position below the size, which \"kvshard root\" shows"},
		{kvshard.ErrPruned, codeNotFound, "a tree that was kept with --retention marked from its first leaf"},
		{kvshard.ErrCheckpointNotFound, codeNotFound, "an id that \"kvshard checkpoint\" lists"},
		{kvshard.ErrInvalidArgument, codeInput, ""},
		{kvshard.ErrForeignStore, codeStore, "give the right --store and --prefix: something else wrote what is there"},
		{kvshard.ErrUnsupportedVersion, codeStore, "a newer kvshard, and the right --prefix and --store"},
		{kvshard.ErrCorrupt, codeStore, "\"kvshard check\" lists all that is wrong"},
		{kvshard.ErrStore, codeStore, "\"kvshard check\", and the disk"},
		{kvshard.ErrInternal, codeOther, "to report it: this is a fault of kvshard"},
	} {
		if errors.Is(err, c.is) {
			return c.code, c.hint
		}
	}
	var ran *ranError
	if errors.As(err, &ran) {
		return codeOther, ""
	}
	return codeUsage, "" // cobra's own
}

// ranError marks what a command returned, and not cobra.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }
func (e *ranError) Unwrap() error { return e.err }
