//go:build cgo

package kvshard

import (
	"bytes"
	"fmt"
	"math"

	"github.com/kvshard/kvshard/internal/scheme"
)

// Retention tells what becomes of the leaves that are appended.
type Retention uint8

const (
	// Marked keeps every leaf provable until [Tree.RemoveMark]. It is the
	// default.
	Marked Retention = iota

	// Ephemeral keeps only what later leaves and rewinds need: the frontier, and
	// the leaf of each checkpoint. Root works as ever; the witness of an old leaf
	// is [ErrPruned].
	Ephemeral
)

// String returns "Marked" or "Ephemeral".
func (r Retention) String() string {
	switch r {
	case Marked:
		return "Marked"
	case Ephemeral:
		return "Ephemeral"
	default:
		return fmt.Sprintf("Retention(%d)", uint8(r))
	}
}

// DefaultMaxCheckpoints is how many checkpoints a tree keeps unless
// [WithMaxCheckpoints] says otherwise. With a checkpoint in each block, a chain
// can be rolled back by as many blocks. Zcash wallets keep as many
// (PRUNING_DEPTH of zcash_client_sqlite).
const DefaultMaxCheckpoints = 100

// MaxPruned is how many checkpoints one [Tree.Checkpoint] prunes at most. More
// can be too many, after [WithMaxCheckpoints] was lowered or several were
// released; then the following calls go on. A module with an index of the
// checkpoints drops as many from it.
const MaxPruned = 2

// An Option configures a [Tree]. Options are not stored with the tree; every
// writer must use the same ones. WithMaxCheckpoints and WithRetention decide
// what is written, so a chain that changes one of them must do so at the same
// height on all nodes.
type Option func(*options) error

type options struct {
	prefix         []byte
	maxCheckpoints uint32
	retention      Retention
	threads        uint32
	observer       func(Stats)
	scheme         *engineScheme // nil for Orchard's
}

// apply returns the defaults changed by opts, the last one winning. op is the
// name of the constructor, for errors.
func apply(op string, opts []Option) (options, error) {
	o := options{maxCheckpoints: DefaultMaxCheckpoints, retention: Marked}
	for i, opt := range opts {
		if opt == nil {
			return options{}, invalidArgument(op, "option %d is nil", i)
		}
		if err := opt(&o); err != nil {
			return options{}, &Error{Op: op, Kind: ErrInvalidArgument, What: err.Error()}
		}
	}
	return o, nil
}

// WithPrefix puts every key of the tree under this prefix, so that a store can
// hold several trees, or a tree and other records. The prefix is copied. No
// prefix may begin with another one, and no other record may have a key that
// begins with a prefix. Without a prefix, the tree's keys are those that begin
// with the bytes 0x0F to 0x15.
//
// Every byte of the prefix is part of every key, and a store that charges gas
// charges for it.
func WithPrefix(prefix []byte) Option {
	prefix = bytes.Clone(prefix)
	return func(o *options) error {
		o.prefix = prefix
		return nil
	}
}

// WithMaxCheckpoints sets how many checkpoints are kept, at least 1; the default
// is [DefaultMaxCheckpoints]. One more prunes the oldest. Retained ones
// ([Tree.RetainCheckpoint]) do not count. After the number was lowered, each
// new checkpoint prunes [MaxPruned] until the number is reached. What a call
// costs does not depend on it.
func WithMaxCheckpoints(n uint32) Option {
	return func(o *options) error {
		if n == 0 {
			return fmt.Errorf("a tree keeps at least 1 checkpoint, not 0")
		}
		o.maxCheckpoints = n
		return nil
	}
}

// WithRetention sets what becomes of the leaves that this Tree appends. The
// default is [Marked].
func WithRetention(r Retention) Option {
	return func(o *options) error {
		if r != Marked && r != Ephemeral {
			return fmt.Errorf("unknown retention %d", uint8(r))
		}
		o.retention = r
		return nil
	}
}

// WithObserver sets a function that gets the [Stats] of every call when the call
// is over, even if it failed. It runs on the caller's goroutine, after all
// iterators are closed and before the method returns; for [Tree.Checkpoints],
// before the first checkpoint is yielded. It may call the tree. If it panics,
// so does the method.
//
// It does not run if the store panicked. Then gas has run out or something
// worse has happened, the transaction is over, and the store's panic must reach
// the SDK first.
func WithObserver(observe func(Stats)) Option {
	return func(o *options) error {
		if observe == nil {
			return fmt.Errorf("the observer is nil")
		}
		o.observer = observe
		return nil
	}
}

// WithThreads bounds the threads that hash one large batch of leaves. With 0,
// the default, the engine chooses the number; with 1 it hashes on the calling
// thread alone. Results, [Stats] and the operations on the store do not depend
// on it, and the store is called on the caller's goroutine only.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("%d threads, want 0 to %d", n, math.MaxInt32)
		}
		o.threads = uint32(n)
		return nil
	}
}

// The door through which package hashtree reaches the engine: a Tree of another
// scheme is a Tree of this package with one more option.

func init() {
	scheme.Option = func(s *scheme.Scheme) Option {
		prepared := newEngineScheme(s)
		return func(o *options) error {
			o.scheme = prepared
			return nil
		}
	}
	scheme.Hash = func(s *scheme.Scheme) scheme.BuiltIn { return newEngineScheme(s) }
}
