package disk

import (
	"errors"
	"fmt"
)

var (
	// ErrReadOnly is returned for a write to a store that was opened to read.
	ErrReadOnly = errors.New("the store is open for reading only")

	// ErrMissing is returned if there is no database at a path.
	ErrMissing = errors.New("there is no database")

	// ErrNoStore is returned if a node's database has no such store, or not at
	// that height.
	ErrNoStore = errors.New("no such store")

	// ErrEngine is returned if a database is not the expected engine's.
	ErrEngine = errors.New("another database engine")

	// ErrInUse is returned if another process has the lock.
	ErrInUse = errors.New("in use by another process")

	// ErrFull is returned if a disk has no space left.
	ErrFull = errors.New("the disk is full")

	// ErrDamaged is returned for a database whose journal is damaged.
	ErrDamaged = errors.New("the database is damaged")
)

var (
	errBatchOver = errors.New("the batch is over")
	errPrint     = errors.New("a database is not printed: kvshard dump prints its tree")
)

// An engineError keeps a cause that an engine has put into a text.
type engineError struct {
	text  string
	cause error
}

func (e *engineError) Error() string { return e.text }
func (e *engineError) Unwrap() error { return e.cause }

// typed makes an error of the system or of an engine ErrInUse or ErrFull, if it is
// one of these.
func typed(path string, err error) error {
	switch {
	case err == nil, errors.Is(err, ErrInUse), errors.Is(err, ErrFull):
		return err
	case lockedElsewhere(err):
		return fmt.Errorf("%s is %w: %w", path, ErrInUse, err)
	case IsFull(err):
		return fmt.Errorf("%s: %w: %w", path, ErrFull, err)
	}
	return err
}

// Failed makes an error of a write to the database at path one of this package's, if
// it is one of these.
func Failed(path string, err error) error { return typed(path, err) }
