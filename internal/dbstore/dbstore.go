// Package dbstore makes a database of cosmos-db a store.KVStore whose writes
// come in atomic batches. What one function writes reaches the disk as a whole
// or not at all, as a block's writes do on a chain. [Overlay] keeps those writes
// until then, over any store. [BytesIn] tells what a database's files hold.
package dbstore

import (
	"errors"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

var (
	// ErrDone: the store was used after its function had returned.
	ErrDone = errors.New("dbstore: batch is over")
	// ErrEmpty: a key is empty, or a value nil.
	ErrEmpty = errors.New("dbstore: key is empty or value is nil")
)

// A Store runs functions over a database, each with its own batch.
//
// One goroutine at a time may write. Reads that need no batch can go to the
// database itself, which is a store.KVStore too.
type Store struct{ db dbm.DB }

// New returns a store over the database. The caller closes the database.
func New(db dbm.DB) *Store { return &Store{db} }

// Do calls f with a store over the database. If f returns nil, everything that
// it wrote is written in one batch and synced to the disk before Do returns. If
// f returns an error or panics, nothing is written.
//
// Within f, the store shows what f wrote.
func (s *Store) Do(f func(store.KVStore) error) error {
	o := NewOverlay(s.db)
	defer o.Close()
	if err := f(o); err != nil {
		return err
	}
	return o.CommitTo(s.db)
}
