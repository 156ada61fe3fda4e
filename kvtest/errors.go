package kvtest

import "errors"

// Rules of a [MemStore]. Each violation wraps one of them, for errors.Is.
var (
	// ErrEmptyKey: a key was nil or empty, or the bound of an iterator was empty.
	// (A nil bound is an open end, and fine.)
	ErrEmptyKey = errors.New("key is nil or empty")
	// ErrKeyTooLong: a key was longer than MaxKeyLength.
	ErrKeyTooLong = errors.New("key is too long")
	// ErrNilValue: Set was given a nil value.
	ErrNilValue = errors.New("value is nil")
	// ErrEmptyValue: Set was given a value of no bytes. Some stores read it
	// back as absent.
	ErrEmptyValue = errors.New("value is empty")
	// ErrUnchanged: Set wrote the value that was there already, or Delete
	// deleted a key that was absent. Both cost gas and do nothing.
	ErrUnchanged = errors.New("write changes nothing")
	// ErrIteratorOpen: Set or Delete was called under an open iterator, or an
	// iterator was never closed.
	ErrIteratorOpen = errors.New("iterator is open")
	// ErrIteratorInvalid: Next, Key or Value was called on an iterator that is
	// not valid.
	ErrIteratorInvalid = errors.New("iterator is not valid")
	// ErrIteratorClosed: a method was called on an iterator after its Close.
	ErrIteratorClosed = errors.New("iterator is closed")
	// ErrMutated: the caller changed a slice that it had handed to the store, or
	// that the store had handed out.
	ErrMutated = errors.New("slice that is not the caller's was changed")
	// ErrExpired: a slice that the store had handed out came back as an argument
	// after it expired.
	ErrExpired = errors.New("slice was used after it expired")
)

// ErrInjected is what a [FaultStore] returns and panics with, unless its Fault
// names something else.
var ErrInjected = errors.New("kvtest: injected fault")

// MaxKeyLength is the longest key that the SDK's stores take, in bytes
// (cosmos-sdk, store/types/validity.go).
const MaxKeyLength = 1<<17 - 1
