//go:build cgo

package kvshard

import (
	"bytes"
	"fmt"
	"math"
)

// Retention tells what becomes of the leaves that are appended.
type Retention uint8

const (
	// Marked keeps every leaf provable: a witness for it can be had until
	// [Tree.RemoveMark]. It is the default.
	Marked Retention = iota

	// Ephemeral keeps only what later leaves need: the frontier, and what a
	// rewind to a checkpoint brings back. Root works as ever, a witness for an
	// old leaf is [ErrPruned].
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
// [WithMaxCheckpoints] says otherwise. With a checkpoint a block it is how
// many blocks a chain may be rolled back; Zcash wallets keep as many
// (PRUNING_DEPTH of zcash_client_sqlite).
const DefaultMaxCheckpoints = 100

// MaxPruned is how many checkpoints one [Tree.Checkpoint] prunes at most. Where
// more are too many, because [WithMaxCheckpoints] was lowered or several were
// released, those that follow go on. A module that keeps an index of the
// checkpoints drops as many from it.
const MaxPruned = 2

// An Option configures a [Tree]. Options take effect on calls that follow;
// they are not stored. A chain that changes WithMaxCheckpoints or
// WithRetention must do so at the same height on all nodes, since both decide
// what is written.
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

// WithPrefix puts every key of the tree under this prefix, so that a store
// may hold several trees, or a tree and other records. The prefix is copied.
// No prefix may be the beginning of another one, and no other record may
// have a key that begins with a prefix; without one, the keys that begin with
// the bytes 0x0F to 0x15 are the tree's.
//
// Every byte of the prefix is part of every key, on a gas-metered store at
// the price of any other byte.
func WithPrefix(prefix []byte) Option {
	prefix = bytes.Clone(prefix)
	return func(o *options) error {
		o.prefix = prefix
		return nil
	}
}

// WithMaxCheckpoints sets how many checkpoints are kept: a further one prunes
// the oldest. Retained ones ([Tree.RetainCheckpoint]) do not count. At least
// 1; by default [DefaultMaxCheckpoints]. After it was lowered each further one
// prunes [MaxPruned]. The cost of a call does not depend on it.
func WithMaxCheckpoints(n uint32) Option {
	return func(o *options) error {
		if n == 0 {
			return fmt.Errorf("a tree keeps at least 1 checkpoint, not 0")
		}
		o.maxCheckpoints = n
		return nil
	}
}

// WithRetention sets what becomes of the leaves that this Tree appends; by
// default [Marked].
func WithRetention(r Retention) Option {
	return func(o *options) error {
		if r != Marked && r != Ephemeral {
			return fmt.Errorf("unknown retention %d", uint8(r))
		}
		o.retention = r
		return nil
	}
}

// WithObserver sets a function that gets the [Stats] of every call when it is
// over, also when it failed. It runs on the caller's goroutine after all
// iterators are closed and before the method returns; for
// [Tree.Checkpoints], before the first checkpoint is yielded. It may call the
// tree. A panic in it is the caller's own, and passes through.
//
// It does not run when the store panicked: then gas ran out or worse, the
// transaction is over, and the store's panic must reach the SDK first.
func WithObserver(observe func(Stats)) Option {
	return func(o *options) error {
		if observe == nil {
			return fmt.Errorf("the observer is nil")
		}
		o.observer = observe
		return nil
	}
}

// WithThreads bounds the threads that hash one large batch of leaves. 0, the
// default, leaves the number to the engine; 1 hashes on the calling thread
// alone. Results, [Stats] and the operations on the store are the same with
// any number, and the store is only ever called from the calling goroutine.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("%d threads, want 0 to %d", n, math.MaxInt32)
		}
		o.threads = uint32(n)
		return nil
	}
}
