// Package disk opens databases, and the stores of a node's modules in them. What it
// opens to read, it does not change.
package disk

import (
	"errors"
	"fmt"
	"path/filepath"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard/internal/dbstore"
)

// The backends.
const (
	GoLevelDB = "goleveldb"
	Pebble    = "pebble"
)

// CheckBackend refuses a name that is not a backend's.
func CheckBackend(backend string) error {
	if backend != GoLevelDB && backend != Pebble {
		return fmt.Errorf("unknown backend %q: it is %s or %s", backend, GoLevelDB, Pebble)
	}
	return nil
}

// Open opens the database at path, which ends in ".db", to write. It makes it
// if there is none.
func Open(path, backend string) (dbm.DB, error) {
	if err := CheckBackend(backend); err != nil {
		return nil, err
	}
	if err := expect(path, backend); err != nil && !errors.Is(err, ErrMissing) {
		return nil, err
	}
	open := openLevel
	if backend == Pebble {
		open = openPebble
	}
	db, err := open(path)
	return db, typed(path, err)
}

// OpenToWrite opens the database at path, which must be there.
func OpenToWrite(path, backend string) (dbm.DB, error) {
	if err := expect(path, backend); err != nil {
		return nil, err
	}
	return Open(path, backend)
}

// OpenToRead opens the database at path and changes none of its files. It makes
// neither a database nor a file in it. An empty backend stands for whichever
// the files show.
func OpenToRead(path, backend string) (dbm.DB, error) {
	found, err := Engine(path)
	if err != nil {
		return nil, err
	}
	if err := expect(path, backend); err != nil {
		return nil, err
	}
	if found == Pebble {
		db, err := openPebbleToRead(path)
		return db, typed(path, err)
	}
	db, err := openLevelToRead(path)
	return db, typed(path, err)
}

// checkName refuses a path that cosmos-db would not have made.
func checkName(path string) error {
	if filepath.Ext(filepath.Clean(path)) != ".db" {
		return fmt.Errorf("%s: the name of a database directory must end in .db", path)
	}
	return nil
}

// reading is a store that cannot be written.
type reading struct{ from dbstore.Reader }

// ReadOnly returns a store that refuses every write.
func ReadOnly(from dbstore.Reader) store.KVStore { return reading{from} }

func (r reading) Get(key []byte) ([]byte, error) { return r.from.Get(key) }
func (r reading) Has(key []byte) (bool, error)   { return r.from.Has(key) }
func (r reading) Set([]byte, []byte) error       { return ErrReadOnly }
func (r reading) Delete([]byte) error            { return ErrReadOnly }
func (r reading) Iterator(start, end []byte) (store.Iterator, error) {
	return r.from.Iterator(start, end)
}
func (r reading) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return r.from.ReverseIterator(start, end)
}
