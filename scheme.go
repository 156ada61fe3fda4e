//go:build cgo

package kvshard

import (
	"errors"
	"fmt"

	"github.com/kvshard/kvshard/internal/scheme"
)

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
	scheme.CombineBatch = func(op string, s *scheme.Scheme, level int, children, parents []byte) error {
		return engineCombine(op, newEngineScheme(s), uint32(level), children, parents)
	}
	scheme.EmptyRoot = func(op string, s *scheme.Scheme, level int) ([32]byte, error) {
		return engineEmptyRoot(op, newEngineScheme(s), uint32(level))
	}
	scheme.WitnessRoot = func(op string, s *scheme.Scheme, position uint64, path, leaf []byte) ([32]byte, error) {
		return engineWitnessRoot(op, newEngineScheme(s), position, path, leaf)
	}
}

// A combineFunc hashes nodes of 32 bytes in pairs: scheme.Scheme.Combine.
type combineFunc func(level int, children, parents []byte) error

// hash has the scheme's Hasher combine the children, which are the Hasher's own
// from here on, and returns the parents.
func (v *view) hash(level int, children []byte) (parents []byte, ok bool) {
	if v.failed() {
		return nil, false
	}
	v.stats.HasherCalls++
	parents = make([]byte, len(children)/2)
	if err := v.combine(level, children, parents); err != nil {
		v.failHash(level, len(parents)/len(Node{}), err)
		return nil, false
	}
	return parents, true
}

// failHash keeps the Hasher's error as the call's failure. One of package
// hashtree's about the answer is an Error already.
func (v *view) failHash(level, pairs int, err error) {
	var own *Error
	if errors.As(err, &own) && own.Op == "" {
		v.failure = own
		return
	}
	v.failure = &Error{Kind: ErrHasher, What: fmt.Sprintf("%d pairs at level %d", pairs, level), Err: err}
}
