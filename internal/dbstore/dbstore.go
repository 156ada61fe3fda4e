// Package dbstore makes a database of cosmos-db a store.KVStore whose writes
// come in atomic batches: what one function writes reaches the disk as a whole
// or not at all, as a block's writes do on a chain.
package dbstore

import (
	"bytes"
	"errors"
	"fmt"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

var (
	// ErrPending: an iterator was asked for over a range that has writes of the
	// same batch, which it would not show. Get and Has show them.
	ErrPending = errors.New("dbstore: range has writes that are not committed")
	// ErrDone: the store was used after the function that it was given to had
	// returned.
	ErrDone = errors.New("dbstore: batch is over")
	// ErrEmpty: a key is empty, or a value nil.
	ErrEmpty = errors.New("dbstore: key is empty or value is nil")
)

// A Store runs functions over a database, each with a batch of its own.
//
// One goroutine at a time writes. Reads that need no batch can go to the
// database itself, which is a store.KVStore too.
type Store struct{ db dbm.DB }

// New returns a store over the database, which stays the caller's to close.
func New(db dbm.DB) *Store { return &Store{db} }

// Do calls f with a store over the database. If f returns nil, all that it wrote
// is written in one batch and synced to the disk before Do returns. If f returns
// an error or panics, nothing is written.
//
// Within f, Get and Has see what f wrote. An iterator over a range that f wrote
// to is [ErrPending].
func (s *Store) Do(f func(store.KVStore) error) (err error) {
	b := &batch{db: s.db, pending: map[string][]byte{}}
	defer func() { b.db = nil }()
	if err := f(b); err != nil {
		return err
	}
	if len(b.pending) == 0 {
		return nil
	}
	return b.commit()
}

// batch is the store of one call of Do.
type batch struct {
	db      dbm.DB            // nil when it is over
	pending map[string][]byte // nil for a key that is deleted
}

var _ store.KVStore = (*batch)(nil)

func (b *batch) commit() (err error) {
	out := b.db.NewBatch()
	defer func() { err = errors.Join(err, out.Close()) }()
	for key, value := range b.pending {
		if value == nil {
			err = out.Delete([]byte(key))
		} else {
			err = out.Set([]byte(key), value)
		}
		if err != nil {
			return err
		}
	}
	return out.WriteSync()
}

func (b *batch) check(key []byte) error {
	switch {
	case b.db == nil:
		return ErrDone
	case len(key) == 0:
		return ErrEmpty
	}
	return nil
}

func (b *batch) Get(key []byte) ([]byte, error) {
	if err := b.check(key); err != nil {
		return nil, err
	}
	if value, ok := b.pending[string(key)]; ok {
		return bytes.Clone(value), nil
	}
	return b.db.Get(key)
}

func (b *batch) Has(key []byte) (bool, error) {
	if err := b.check(key); err != nil {
		return false, err
	}
	if value, ok := b.pending[string(key)]; ok {
		return value != nil, nil
	}
	return b.db.Has(key)
}

func (b *batch) Set(key, value []byte) error {
	if err := b.check(key); err != nil {
		return err
	}
	if value == nil {
		return ErrEmpty
	}
	b.pending[string(key)] = append([]byte{}, value...)
	return nil
}

func (b *batch) Delete(key []byte) error {
	if err := b.check(key); err != nil {
		return err
	}
	b.pending[string(key)] = nil
	return nil
}

func (b *batch) Iterator(start, end []byte) (store.Iterator, error) {
	if err := b.checkRange(start, end); err != nil {
		return nil, err
	}
	return b.db.Iterator(start, end)
}

func (b *batch) ReverseIterator(start, end []byte) (store.Iterator, error) {
	if err := b.checkRange(start, end); err != nil {
		return nil, err
	}
	return b.db.ReverseIterator(start, end)
}

func (b *batch) checkRange(start, end []byte) error {
	if b.db == nil {
		return ErrDone
	}
	for key := range b.pending {
		if key >= string(start) && (end == nil || key < string(end)) {
			return fmt.Errorf("%w: key %x in [%x, %x)", ErrPending, key, start, end)
		}
	}
	return nil
}
