package kvshard

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

func TestPrefixEnd(t *testing.T) {
	for _, c := range []struct{ prefix, end []byte }{
		{nil, nil},
		{[]byte{}, nil},
		{[]byte{0x00}, []byte{0x01}},
		{[]byte{0x11}, []byte{0x12}},
		{[]byte{0x11, 0xFE}, []byte{0x11, 0xFF}},
		{[]byte{0x11, 0xFF}, []byte{0x12}},
		{[]byte{0x11, 0xFF, 0xFF}, []byte{0x12}},
		{[]byte{0xFE, 0xFF}, []byte{0xFF}},
		{[]byte{0xFF}, nil},
		{[]byte{0xFF, 0xFF}, nil},
	} {
		before := bytes.Clone(c.prefix)
		end := prefixEnd(c.prefix)
		if !bytes.Equal(end, c.end) || (end == nil) != (c.end == nil) {
			t.Errorf("prefixEnd(%x) = %x, want %x", c.prefix, end, c.end)
		}
		if !bytes.Equal(before, c.prefix) {
			t.Errorf("prefixEnd changed its argument %x to %x", before, c.prefix)
		}
	}
}

// A fakeIterator has entries and, at their end, an error.
type fakeIterator struct {
	keys     []string
	endErr   error // what Error says when it is not valid
	validErr error // what Error says while it is valid
	closeErr error
	closed   int
	nexts    int
}

func (it *fakeIterator) Domain() (start, end []byte) { return nil, nil }
func (it *fakeIterator) Valid() bool                 { return len(it.keys) > 0 }
func (it *fakeIterator) Key() []byte                 { return []byte(it.keys[0]) }
func (it *fakeIterator) Value() []byte               { return nil }
func (it *fakeIterator) Close() error                { it.closed++; return it.closeErr }

func (it *fakeIterator) Next() {
	it.nexts++
	it.keys = it.keys[1:]
}

func (it *fakeIterator) Error() error {
	if it.Valid() {
		return it.validErr
	}
	return it.endErr
}

// A fakeStore hands out one iterator.
type fakeStore struct {
	store.KVStore
	it store.Iterator
}

func (s fakeStore) Iterator(start, end []byte) (store.Iterator, error) { return s.it, nil }

func list(it *viewIterator) (keys []string, failed bool) {
	for {
		key, _, found, ok := it.next()
		if !ok {
			return keys, true
		}
		if !found {
			return keys, false
		}
		keys = append(keys, string(key))
	}
}

func TestIteratorEnd(t *testing.T) {
	for name, c := range map[string]struct {
		endErr error
		failed bool
	}{
		"memdb, no error":            {nil, false},
		"cachekv and blockstm":       {errors.New("invalid cacheMergeIterator"), false},
		"prefix store":               {errors.New("invalid prefixIterator"), false},
		"memIterator":                {errors.New("invalid memIterator"), false},
		"goleveldb, a failed read":   {errors.New("leveldb: corruption on table"), true},
		"a text that only looks so":  {errors.New("invalid cacheMergeIterator: disk"), true},
		"a wrapped text of the kind": {fmt.Errorf("disk: %w", errors.New("invalid memIterator")), true},
	} {
		t.Run(name, func(t *testing.T) {
			source := &fakeIterator{keys: []string{"p\x11a", "p\x11b"}, endErr: c.endErr}
			v := &view{kv: fakeStore{it: source}, prefix: []byte("p")}
			it := v.iterate([]byte("p\x11"), false)
			keys, failed := list(it)
			if fmt.Sprint(keys) != fmt.Sprint([]string{"\x11a", "\x11b"}) || failed != c.failed {
				t.Errorf("keys %q, failed %v", keys, failed)
			}
			if failed && !errors.Is(v.failure, c.endErr) {
				t.Errorf("failure %v, want %v", v.failure, c.endErr)
			}
			if source.nexts != 2 || v.stats.IterNexts != 2 || v.stats.IterCreates != 1 {
				t.Errorf("%d steps, counted %+v", source.nexts, v.stats)
			}
			if v.stats.BytesRead != 6 {
				t.Errorf("%d bytes read, want 6", v.stats.BytesRead)
			}
			// Exhausted or failed, it stays so and is left alone.
			if _, _, found, ok := it.next(); found || ok == c.failed || source.nexts != 2 {
				t.Errorf("next again: found %v, ok %v, %d steps", found, ok, source.nexts)
			}
			it.close()
			v.close()
			if source.closed != 1 {
				t.Errorf("closed %d times", source.closed)
			}
		})
	}
}

func TestIteratorStepsOnlyWhenAsked(t *testing.T) {
	source := &fakeIterator{keys: []string{"a", "b"}}
	v := &view{kv: fakeStore{it: source}}
	it := v.iterate(nil, false)
	if _, _, found, _ := it.next(); !found || source.nexts != 0 {
		t.Errorf("found %v after %d steps, want the first entry after none", found, source.nexts)
	}
}

func TestIteratorErrorWhileValid(t *testing.T) {
	cause := errors.New("invalid memIterator") // means the end only at the end
	source := &fakeIterator{keys: []string{"a"}, validErr: cause}
	v := &view{kv: fakeStore{it: source}}
	if _, failed := list(v.iterate(nil, false)); !failed || !errors.Is(v.failure, cause) {
		t.Errorf("failed %v, %v", failed, v.failure)
	}
}

func TestIteratorOutOfItsRange(t *testing.T) {
	v := &view{kv: fakeStore{it: &fakeIterator{keys: []string{"p\x11a", "q\x11b"}}}, prefix: []byte("p")}
	keys, failed := list(v.iterate([]byte("p\x11"), false))
	if len(keys) != 1 || !failed || !errors.Is(v.failure, ErrStore) {
		t.Errorf("keys %q, failed %v, %v", keys, failed, v.failure)
	}
}

func TestStoreWithoutIterator(t *testing.T) {
	v := &view{kv: fakeStore{}}
	if it := v.iterate(nil, false); it != nil || !errors.Is(v.failure, ErrStore) {
		t.Errorf("%v, %v", it, v.failure)
	}
}

func TestCloseErrorStopsTheCall(t *testing.T) {
	cause := errors.New("disk")
	db := dbm.NewMemDB()
	source := &fakeIterator{closeErr: cause}
	v := &view{kv: struct {
		store.KVStore
	}{fakeStore{KVStore: db, it: source}}}
	v.iterate(nil, false).close()
	if !errors.Is(v.failure, cause) {
		t.Errorf("failure %v, want %v", v.failure, cause)
	}
	if v.set([]byte("k"), []byte("v")) || v.stats.Sets != 0 {
		t.Error("the view wrote after a failure")
	}
}

func TestViewClosesAllIteratorsThoughOnePanics(t *testing.T) {
	first, last := &fakeIterator{}, &fakeIterator{}
	v := &view{kv: fakeStore{it: first}}
	v.iterate(nil, false)
	v.kv = fakeStore{it: panicOnClose{}}
	v.iterate(nil, false)
	v.kv = fakeStore{it: last}
	v.iterate(nil, false)
	v.close()
	if first.closed != 1 || last.closed != 1 || len(v.open) != 0 {
		t.Errorf("closed %d and %d times, %d left", first.closed, last.closed, len(v.open))
	}
	if !v.panicked || v.panicValue != "close" {
		t.Errorf("kept %v, want the panic", v.panicValue)
	}
}

type panicOnClose struct{ store.Iterator }

func (panicOnClose) Close() error { panic("close") }

func TestAbsentAndEmptyAreDifferent(t *testing.T) {
	db := dbm.NewMemDB()
	if err := db.Set([]byte("empty"), []byte{}); err != nil {
		t.Fatal(err)
	}
	v := &view{kv: db}
	if value, found, ok := v.get([]byte("absent")); found || !ok {
		t.Errorf("absent: %v, %v, %v", value, found, ok)
	}
	if value, found, ok := v.get([]byte("empty")); !found || !ok || len(value) != 0 {
		t.Errorf("empty: %v, %v, %v", value, found, ok)
	}
}

func TestErrorKeyIsNotTheStores(t *testing.T) {
	key := []byte("key")
	v := &view{}
	v.fail("get", key, errors.New("disk"))
	key[0] = 'x'
	if string(v.failure.Key) != "key" {
		t.Errorf("the error's key changed to %s", v.failure.Key)
	}
}
