// Package disk opens databases, and the stores of a node's modules in them,
// without changing what is only to be read.
package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

// The backends.
const (
	GoLevelDB = "goleveldb"
	Pebble    = "pebble"
)

// ErrReadOnly is returned for a write to a store that was opened to read.
var ErrReadOnly = errors.New("the store is open for reading only")

// ErrMissing is returned if there is no database at a path.
var ErrMissing = errors.New("there is no database")

// CheckBackend refuses a name that is none of the backends'.
func CheckBackend(backend string) error {
	if backend != GoLevelDB && backend != Pebble {
		return fmt.Errorf("unknown backend %q: it is %s or %s", backend, GoLevelDB, Pebble)
	}
	return nil
}

// Open opens the database at path, which ends in ".db", and makes it if there
// is none.
func Open(path, backend string) (dbm.DB, error) {
	dir, name, err := split(path)
	if err != nil {
		return nil, err
	}
	switch backend {
	case GoLevelDB:
		return dbm.NewGoLevelDB(name, dir, nil)
	case Pebble:
		return dbm.NewPebbleDB(name, dir, nil)
	default:
		return nil, CheckBackend(backend)
	}
}

// OpenToRead opens the database at path and leaves it as it is. It does not
// make one.
func OpenToRead(path, backend string) (dbm.DB, error) {
	if _, _, err := split(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, "CURRENT")); err != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrMissing)
	}
	switch backend {
	case GoLevelDB:
		return openLevelToRead(path)
	case Pebble:
		return openPebbleToRead(path)
	default:
		return nil, CheckBackend(backend)
	}
}

// split takes the path of a database apart as cosmos-db wants it.
func split(path string) (dir, name string, err error) {
	dir, base := filepath.Split(filepath.Clean(path))
	if filepath.Ext(base) != ".db" {
		return "", "", fmt.Errorf("%s: the directory of a database ends in .db", path)
	}
	return filepath.Clean(dir), base[:len(base)-len(".db")], nil
}

// reading is a store that cannot be written.
type reading struct{ from Reader }

// Reader is what a store to read stands on.
type Reader interface {
	Get(key []byte) ([]byte, error)
	Has(key []byte) (bool, error)
	Iterator(start, end []byte) (store.Iterator, error)
	ReverseIterator(start, end []byte) (store.Iterator, error)
}

// ReadOnly returns a store that refuses every write.
func ReadOnly(from Reader) store.KVStore { return reading{from} }

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
