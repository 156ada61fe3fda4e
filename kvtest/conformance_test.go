package kvtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/kvshard/kvshard/kvtest"
)

// One random history on a MemStore, on the three wrappers over one, and on
// cosmos-db's MemDB: the answers are the same.
func TestConformance(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			mem, wrapped := kvtest.Strict(t), kvtest.Strict(t)
			stack := kvtest.NewTraceStore(kvtest.NewFaultStore(kvtest.NewGasStore(wrapped, 0), kvtest.Fault{}))
			db := dbm.NewMemDB()
			conform(t, rand.New(rand.NewPCG(seed, 0)), 2000, mem, stack, db)
			if d := mem.Diff(wrapped); d != "" {
				t.Errorf("the wrapped store differs:\n%s", d)
			}
		})
	}
}

func conform(t *testing.T, rng *rand.Rand, steps int, mem *kvtest.MemStore, stores ...store.KVStore) {
	stores = append([]store.KVStore{mem}, stores...)
	// Few keys, so that they meet; many seeds fill more than one chunk.
	keys := 20 << rng.IntN(7)
	key := func() []byte {
		k := []byte{byte(rng.IntN(2))}
		return fmt.Appendf(k, "%x", rng.IntN(keys))
	}
	bound := func() []byte {
		if rng.IntN(3) == 0 {
			return nil
		}
		return key()
	}
	grow := rng.IntN(2) == 0 // or shrink after a while
	for step := range steps {
		op := rng.IntN(10)
		if !grow && step > steps/2 && op < 3 {
			op = 3
		}
		k, v, start, end := key(), fmt.Appendf(nil, "%d", rng.IntN(3)), bound(), bound()
		reverse, limit := rng.IntN(2) == 0, rng.IntN(100)
		present := mem.Peek(k) != nil
		if op < 3 && bytes.Equal(mem.Peek(k), v) || op == 3 && !present {
			continue // the strict store refuses it
		}
		var answers []string
		for _, s := range stores {
			// Fresh slices for each: stores keep them.
			k, v, start, end := bytes.Clone(k), bytes.Clone(v), bytes.Clone(start), bytes.Clone(end)
			var answer string
			switch op {
			case 0, 1, 2:
				answer = fmt.Sprint(s.Set(k, v))
			case 3:
				answer = fmt.Sprint(s.Delete(k))
			case 4, 5:
				value, err := s.Get(k)
				answer = fmt.Sprintf("%q %v %v", value, value == nil, err)
			case 6, 7:
				found, err := s.Has(k)
				answer = fmt.Sprint(found, err)
			default:
				answer = walk(s, start, end, reverse, limit)
			}
			answers = append(answers, answer)
		}
		if len(slices.Compact(answers)) != 1 {
			t.Fatalf("step %d, operation %d, key %x: answers differ: %q", step, op, k, answers)
		}
	}
	for _, s := range stores[1:] {
		if got, want := walk(s, nil, nil, false, -1), walk(mem, nil, nil, false, -1); got != want {
			t.Errorf("%T at the end:\n%s\nwant\n%s", s, got, want)
		}
	}
}

// walk returns what an iterator shows of up to limit records, and its domain. It
// closes the iterator: MemDB cannot be written to before.
func walk(s store.KVStore, start, end []byte, reverse bool, limit int) string {
	open := s.Iterator
	if reverse {
		open = s.ReverseIterator
	}
	it, err := open(start, end)
	if err != nil {
		return err.Error()
	}
	d1, d2 := it.Domain()
	seen := fmt.Appendf(nil, "%q %q:", d1, d2)
	for ; it.Valid() && limit != 0; it.Next() {
		seen = fmt.Appendf(seen, " %q=%q", it.Key(), it.Value())
		limit--
	}
	return string(fmt.Appendf(seen, " %v %v", it.Error(), it.Close()))
}

// What cosmos-db refuses, a MemStore refuses too.
func TestConformanceOfErrors(t *testing.T) {
	for name, call := range map[string]func(store.KVStore) error{
		"get nil":         func(s store.KVStore) error { _, err := s.Get(nil); return err },
		"get empty":       func(s store.KVStore) error { _, err := s.Get(b("")); return err },
		"has nil":         func(s store.KVStore) error { _, err := s.Has(nil); return err },
		"set nil key":     func(s store.KVStore) error { return s.Set(nil, b("v")) },
		"set nil value":   func(s store.KVStore) error { return s.Set(b("k"), nil) },
		"delete nil":      func(s store.KVStore) error { return s.Delete(nil) },
		"empty start":     func(s store.KVStore) error { _, err := s.Iterator(b(""), nil); return err },
		"empty end":       func(s store.KVStore) error { _, err := s.ReverseIterator(nil, b("")); return err },
		"start above end": func(s store.KVStore) error { return errors.Unwrap(must(s.Iterator(b("b"), b("a"))).Close()) },
	} {
		db, mem := call(dbm.NewMemDB()), call(kvtest.NewMemStore())
		if (db == nil) != (mem == nil) {
			t.Errorf("%s: MemDB %v, MemStore %v", name, db, mem)
		}
	}
}
