package disk

import (
	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"

	"github.com/kvshard/kvshard/internal/dbstore"
)

const iavlCache = 10_000 // nodes

// IAVL is a module's store as a node has it: an IAVL tree with a version a
// block.
type IAVL struct{ tree *iavl.MutableTree }

var _ dbstore.Reader = (*IAVL)(nil)

// OpenIAVL opens the newest version of the IAVL tree in a database, an empty
// one if there is none. It syncs each version to the disk.
func OpenIAVL(db dbm.DB) (*IAVL, error) {
	tree := iavl.NewMutableTree(iavldb.NewWrapper(db), iavlCache, false, iavl.NewNopLogger(), iavl.SyncOption(true))
	if _, err := tree.Load(); err != nil {
		return nil, err
	}
	return &IAVL{tree}, nil
}

// Update makes what f writes the next version, as the SDK does: f works on a
// cache, whose writes go to the tree in the order of their keys.
func (s *IAVL) Update(f func(store.KVStore) error) error {
	cache := dbstore.NewOverlay(s)
	if err := f(cache); err != nil {
		return err
	}
	if err := cache.ApplyTo(iavlWriter{s}); err != nil {
		s.tree.Rollback()
		return err
	}
	_, _, err := s.tree.SaveVersion()
	return err
}

// Get returns the value of key, nil if it is absent.
func (s *IAVL) Get(key []byte) ([]byte, error) { return s.tree.Get(key) }

// Has tells whether key is present.
func (s *IAVL) Has(key []byte) (bool, error) { return s.tree.Has(key) }

// Iterator walks from start on, before end.
func (s *IAVL) Iterator(start, end []byte) (store.Iterator, error) {
	return s.tree.Iterator(start, end, true)
}

// ReverseIterator walks from before end down to start.
func (s *IAVL) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return s.tree.Iterator(start, end, false)
}

type iavlWriter struct{ *IAVL }

func (w iavlWriter) Set(key, value []byte) error { _, err := w.tree.Set(key, value); return err }
func (w iavlWriter) Delete(key []byte) error     { _, _, err := w.tree.Remove(key); return err }
