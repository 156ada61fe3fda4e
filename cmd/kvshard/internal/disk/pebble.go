package disk

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble"
	dbm "github.com/cosmos/cosmos-db"
)

// pebbleReader reads a pebble database without touching its files, which
// cosmos-db's own type cannot. Its batches, which iavl makes and never writes,
// are those of an empty database in memory.
type pebbleReader struct {
	dbm.DB
	db *pebble.DB
}

// quiet keeps pebble from writing its log to standard error.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Fatalf(string, ...any) {}

func openPebbleToRead(path string) (dbm.DB, error) {
	db, err := pebble.Open(path, &pebble.Options{ReadOnly: true, Logger: quiet{}, ErrorIfNotExists: true})
	if err != nil {
		return nil, err
	}
	return &pebbleReader{DB: dbm.NewMemDB(), db: db}, nil
}

func (p *pebbleReader) Get(key []byte) ([]byte, error) {
	value, closer, err := p.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = closer.Close() }()
	return append([]byte{}, value...), nil
}

func (p *pebbleReader) Has(key []byte) (bool, error) {
	value, err := p.Get(key)
	return value != nil, err
}

func (p *pebbleReader) Close() error { return p.db.Close() }

func (p *pebbleReader) Iterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, false)
}

func (p *pebbleReader) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, true)
}

func (p *pebbleReader) iterator(start, end []byte, reverse bool) (dbm.Iterator, error) {
	it, err := p.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, err
	}
	if reverse {
		it.Last()
	} else {
		it.First()
	}
	return &pebbleIterator{it, start, end, reverse}, nil
}

type pebbleIterator struct {
	*pebble.Iterator
	start, end []byte
	reverse    bool
}

func (it *pebbleIterator) Domain() (start, end []byte) { return it.start, it.end }
func (it *pebbleIterator) Key() []byte                 { return slices.Clone(it.Iterator.Key()) }
func (it *pebbleIterator) Value() []byte               { return slices.Clone(it.Iterator.Value()) }

func (it *pebbleIterator) Next() {
	if it.reverse {
		it.Prev()
	} else {
		it.Iterator.Next()
	}
}
