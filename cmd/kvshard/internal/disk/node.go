package disk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
)

// nodePrefix stands in front of a module's store in a node's database: the SDK
// keeps the IAVL tree of a module under the keys "s/k:NAME/".
const nodePrefix = "s/k:"

// NodeStores returns the names of the modules' stores in a node's application.db, in
// order; none if the database is not a node's. It reads one key of each.
func NodeStores(db dbm.DB) (names []string, err error) {
	from, end := []byte(nodePrefix), []byte("s/k;") // the next behind all of them
	for {
		it, err := db.Iterator(from, end)
		if err != nil {
			return nil, err
		}
		var key []byte
		if it.Valid() {
			key = it.Key()
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return nil, err
		}
		if key == nil {
			return names, nil
		}
		name, _, whole := strings.Cut(string(key[len(nodePrefix):]), "/")
		if whole {
			names = append(names, name)
		}
		from = []byte(nodePrefix + name + "0") // '0' is behind '/'
	}
}

// NodeStore returns, to read, the module's store of that name in a node's
// application.db as it was at a height, and the height. Height 0 is the newest. If
// there is no such name, the error lists the names that are there.
func NodeStore(db dbm.DB, name string, height int64) (store.KVStore, int64, error) {
	names, err := NodeStores(db)
	if err != nil {
		return nil, 0, err
	}
	if len(names) == 0 {
		return nil, 0, fmt.Errorf("%w: %q: this is no node's application.db, it has no module's store", ErrNoStore, name)
	}
	if !slices.Contains(names, name) {
		return nil, 0, fmt.Errorf("%w: %q; there are %s", ErrNoStore, name, strings.Join(names, ", "))
	}
	prefix := []byte(nodePrefix + name + "/")
	tree := iavl.NewMutableTree(iavldb.NewWrapper(dbm.NewPrefixDB(db, prefix)), iavlCache, true, iavl.NewNopLogger())
	versions := tree.AvailableVersions()
	if len(versions) == 0 {
		return nil, 0, fmt.Errorf("%w: %q has no version", ErrNoStore, name)
	}
	first, last := int64(versions[0]), int64(versions[len(versions)-1])
	if height == 0 {
		height = last
	}
	at, err := tree.GetImmutable(height)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %q at height %d; it has the heights %d to %d: %w", ErrNoStore, name, height, first, last, err)
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
