package disk

import (
	"fmt"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
)

// NodeStore returns the module's store of that name in a node's application.db
// as it was at a height, to read; height 0 is the newest. It returns the
// height, too.
//
// The SDK keeps the IAVL tree of a module under the keys "s/k:NAME/".
func NodeStore(db dbm.DB, name string, height int64) (store.KVStore, int64, error) {
	prefix := []byte("s/k:" + name + "/")
	it, err := dbm.IteratePrefix(db, prefix)
	if err != nil {
		return nil, 0, err
	}
	found := it.Valid()
	if err := it.Close(); err != nil {
		return nil, 0, err
	}
	if !found {
		return nil, 0, fmt.Errorf("%w of a module store %q in there", ErrMissing, name)
	}
	tree := iavl.NewMutableTree(iavldb.NewWrapper(dbm.NewPrefixDB(db, prefix)), iavlCache, true, iavl.NewNopLogger())
	versions := tree.AvailableVersions()
	if len(versions) == 0 {
		return nil, 0, fmt.Errorf("%w: the module store %q has no version", ErrMissing, name)
	}
	first, last := int64(versions[0]), int64(versions[len(versions)-1])
	if height == 0 {
		height = last
	}
	at, err := tree.GetImmutable(height)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: height %d of the module store %q: it has %d to %d: %w", ErrMissing, height, name, first, last, err)
	}
	return ReadOnly(iavlReader{at}), height, nil
}

type iavlReader struct{ tree *iavl.ImmutableTree }

func (r iavlReader) Get(key []byte) ([]byte, error) { return r.tree.Get(key) }
func (r iavlReader) Has(key []byte) (bool, error)   { return r.tree.Has(key) }
func (r iavlReader) Iterator(start, end []byte) (store.Iterator, error) {
	return r.tree.Iterator(start, end, true)
}
func (r iavlReader) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return r.tree.Iterator(start, end, false)
}
