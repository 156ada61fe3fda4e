package dbstore

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"strings"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

// A Reader is the store below an overlay.
type Reader interface {
	Get(key []byte) ([]byte, error)
	Has(key []byte) (bool, error)
	Iterator(start, end []byte) (store.Iterator, error)
	ReverseIterator(start, end []byte) (store.Iterator, error)
}

// A Writer takes an overlay's writes.
type Writer interface {
	Set(key, value []byte) error
	Delete(key []byte) error
}

// Overlay keeps writes in memory above a store that it only reads. It shows the
// store as it would be with the writes.
type Overlay struct {
	below  Reader            // nil when the overlay is closed
	writes map[string][]byte // a nil value: deleted
}

var _ store.KVStore = (*Overlay)(nil)

// NewOverlay returns an overlay without writes.
func NewOverlay(below Reader) *Overlay {
	return &Overlay{below: below, writes: map[string][]byte{}}
}

// Close ends the use of the overlay: each operation returns [ErrDone] from now
// on.
func (o *Overlay) Close() { o.below = nil }

func (o *Overlay) check(key []byte) error {
	switch {
	case o.below == nil:
		return ErrDone
	case len(key) == 0:
		return ErrEmpty
	}
	return nil
}

// Get returns the value of key, nil if it is absent.
func (o *Overlay) Get(key []byte) ([]byte, error) {
	if err := o.check(key); err != nil {
		return nil, err
	}
	if value, written := o.writes[string(key)]; written {
		return bytes.Clone(value), nil
	}
	return o.below.Get(key)
}

// Has tells whether key is present.
func (o *Overlay) Has(key []byte) (bool, error) {
	if err := o.check(key); err != nil {
		return false, err
	}
	if value, written := o.writes[string(key)]; written {
		return value != nil, nil
	}
	return o.below.Has(key)
}

// Set notes a write.
func (o *Overlay) Set(key, value []byte) error {
	if err := o.check(key); err != nil {
		return err
	}
	if value == nil {
		return ErrEmpty
	}
	o.writes[string(key)] = append([]byte{}, value...)
	return nil
}

// Delete notes a removal.
func (o *Overlay) Delete(key []byte) error {
	if err := o.check(key); err != nil {
		return err
	}
	o.writes[string(key)] = nil
	return nil
}

// keys returns the written keys from start on and before end, in order.
func (o *Overlay) keys(start, end []byte) []string {
	var keys []string
	for key := range o.writes {
		if key >= string(start) && (end == nil || key < string(end)) {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// Iterator merges the store below with what was written until now.
func (o *Overlay) Iterator(start, end []byte) (store.Iterator, error) {
	return o.iterator(start, end, false)
}

// ReverseIterator does the same as Iterator, backwards.
func (o *Overlay) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return o.iterator(start, end, true)
}

func (o *Overlay) iterator(start, end []byte, reverse bool) (store.Iterator, error) {
	if o.below == nil {
		return nil, ErrDone
	}
	open := o.below.Iterator
	if reverse {
		open = o.below.ReverseIterator
	}
	below, err := open(start, end)
	if err != nil {
		return nil, err
	}
	m := &merged{Iterator: below, reverse: reverse, keys: o.keys(start, end)}
	if len(m.keys) == 0 {
		return below, nil
	}
	if reverse {
		slices.Reverse(m.keys)
	}
	for _, key := range m.keys {
		m.values = append(m.values, o.writes[key])
	}
	m.settle()
	return m, nil
}

// merged walks two sequences; if both have a key, the written value counts.
type merged struct {
	store.Iterator // below
	reverse        bool
	keys           []string
	values         [][]byte
	above          bool // the next entry is keys[0]
}

// settle finds the next entry.
func (m *merged) settle() {
	for len(m.keys) > 0 {
		order := -1
		if m.Iterator.Valid() {
			order = strings.Compare(m.keys[0], string(m.Iterator.Key()))
			if m.reverse {
				order = -order
			}
		}
		if order > 0 {
			break
		}
		if order == 0 {
			m.Iterator.Next()
		}
		if m.values[0] != nil {
			m.above = true
			return
		}
		m.keys, m.values = m.keys[1:], m.values[1:]
	}
	m.above = false
}

func (m *merged) Valid() bool { return m.above || m.Iterator.Valid() }

func (m *merged) Next() {
	if m.above {
		m.keys, m.values = m.keys[1:], m.values[1:]
	} else {
		m.Iterator.Next()
	}
	m.settle()
}

func (m *merged) Key() []byte {
	if m.above {
		return []byte(m.keys[0])
	}
	return m.Iterator.Key()
}

func (m *merged) Value() []byte {
	if m.above {
		return bytes.Clone(m.values[0])
	}
	return m.Iterator.Value()
}

// CommitTo makes all writes in a database in one synced batch, and forgets
// them.
func (o *Overlay) CommitTo(db dbm.DB) (err error) {
	if len(o.writes) == 0 {
		return nil
	}
	batch := db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	if err := o.ApplyTo(batch); err != nil {
		return err
	}
	return batch.WriteSync()
}

// ApplyTo makes the writes elsewhere, in the order of their keys, and forgets
// them.
func (o *Overlay) ApplyTo(to Writer) error {
	for _, key := range o.keys(nil, nil) {
		var err error
		if value := o.writes[key]; value == nil {
			err = to.Delete([]byte(key))
		} else {
			err = to.Set([]byte(key), value)
		}
		if err != nil {
			return err
		}
	}
	clear(o.writes)
	return nil
}
