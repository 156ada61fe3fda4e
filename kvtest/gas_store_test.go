package kvtest_test

import (
	"bytes"
	"math"
	"testing"

	"cosmossdk.io/core/store"
	"github.com/kvshard/kvshard/kvtest"
)

// Figures by hand, from the SDK's default costs.
func TestGasStoreFigures(t *testing.T) {
	three := func() *kvtest.MemStore { // keys of 2 bytes, values of 10, 20 and 30
		s := kvtest.NewMemStore()
		for i := range 3 {
			s.Put([]byte{'k', byte('0' + i)}, make([]byte, 10*(i+1)))
		}
		return s
	}
	walk := func(open func(store.KVStore) (store.Iterator, error)) func(store.KVStore) {
		return func(s store.KVStore) {
			it := must(open(s))
			for ; it.Valid(); it.Next() {
				it.Key()
				it.Value()
			}
			it.Error()
			it.Close()
		}
	}
	for name, c := range map[string]struct {
		call func(store.KVStore)
		want uint64
	}{
		"set of 1 and 100 bytes": {func(s store.KVStore) { s.Set(b("x"), make([]byte, 100)) }, 2000 + 30*101}, // 5030
		"get of 2 and 30 bytes":  {func(s store.KVStore) { s.Get(b("k2")) }, 1000 + 3*32},
		"get of an absent key":   {func(s store.KVStore) { s.Get(b("absent")) }, 1000 + 3*6},
		"get of no key":          {func(s store.KVStore) { s.Get(nil) }, 1000},
		"has":                    {func(s store.KVStore) { s.Has(b("k2")) }, 1000},
		"has not":                {func(s store.KVStore) { s.Has(b("absent")) }, 1000},
		"delete":                 {func(s store.KVStore) { s.Delete(b("k2")) }, 1000},
		"set of no key":          {func(s store.KVStore) { s.Set(nil, b("v")) }, 0},
		"set of no value":        {func(s store.KVStore) { s.Set(b("k"), nil) }, 0},
		"set of a long key":      {func(s store.KVStore) { s.Set(make([]byte, 1<<17), b("v")) }, 0},
		// The first record is paid for twice: on opening and on leaving it.
		"open": {func(s store.KVStore) { must(s.Iterator(nil, nil)).Close() }, 30 + 3*12},
		"walk": {walk(func(s store.KVStore) (store.Iterator, error) { return s.Iterator(nil, nil) }),
			30 + 3*12 + (30 + 3*12) + (30 + 3*22) + (30 + 3*32)},
		"walk backwards": {walk(func(s store.KVStore) (store.Iterator, error) { return s.ReverseIterator(nil, nil) }),
			30 + 3*32 + (30 + 3*32) + (30 + 3*22) + (30 + 3*12)},
		// Even nothing has its price.
		"walk of nothing": {walk(func(s store.KVStore) (store.Iterator, error) { return s.Iterator(b("x"), nil) }), 30},
	} {
		s := kvtest.NewGasStore(three(), 0)
		c.call(s)
		if got := s.GasConsumed(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		s.Reset()
		if s.GasConsumed() != 0 {
			t.Errorf("%s: %d after Reset", name, s.GasConsumed())
		}
	}
}

// At each limit the same charge strikes, and the meter has it.
func TestGasStoreLimits(t *testing.T) {
	type charge struct {
		cost       uint64
		descriptor string
	}
	for name, c := range map[string]struct {
		call    func(store.KVStore) error
		charges []charge
		wrote   bool // by a call that went through
	}{
		"get":    {func(s store.KVStore) error { _, err := s.Get(b("k000")); return err }, []charge{{1000, "ReadFlat"}, {12, "ReadPerByte"}, {6, "ReadPerByte"}}, false},
		"has":    {func(s store.KVStore) error { _, err := s.Has(b("k000")); return err }, []charge{{1000, "Has"}}, false},
		"set":    {func(s store.KVStore) error { return s.Set(b("k"), b("abc")) }, []charge{{2000, "WriteFlat"}, {30, "WritePerByte"}, {90, "WritePerByte"}}, true},
		"delete": {func(s store.KVStore) error { return s.Delete(b("k000")) }, []charge{{1000, "Delete"}}, true},
		"iter": {func(s store.KVStore) error {
			it, err := s.Iterator(nil, nil)
			if err == nil {
				defer it.Close()
				it.Next()
			}
			return err
		}, []charge{{12, "ValuePerByte"}, {6, "ValuePerByte"}, {30, "IterNextFlat"}, {12, "ValuePerByte"}, {6, "ValuePerByte"}, {30, "IterNextFlat"}}, false},
	} {
		sum := uint64(0)
		for _, ch := range c.charges {
			sum += ch.cost
			mem := filled(2)
			s := kvtest.NewGasStore(mem, sum-1)
			got := recovered(func() { c.call(s) })
			if got != (kvtest.ErrorOutOfGas{Descriptor: ch.descriptor}) {
				t.Errorf("%s, limit %d: panic %#v, want %s", name, sum-1, got, ch.descriptor)
			}
			if s.GasConsumed() != sum || s.Limit() != sum-1 {
				t.Errorf("%s, limit %d: consumed %d, want %d", name, s.Limit(), s.GasConsumed(), sum)
			}
			if !mem.Equal(filled(2)) {
				t.Errorf("%s, limit %d: something was written", name, sum-1)
			}
			kvtest.Finish(t, mem)
		}
		mem := filled(2)
		s := kvtest.NewGasStore(mem, sum)
		if v := recovered(func() { c.call(s) }); v != nil || s.GasConsumed() != sum {
			t.Errorf("%s, limit %d: %v, consumed %d", name, sum, v, s.GasConsumed())
		}
		if mem.Equal(filled(2)) == c.wrote {
			t.Errorf("%s: wrote: %v", name, !c.wrote)
		}
		kvtest.Finish(t, mem)
	}
}

func TestGasStoreIsNoError(t *testing.T) {
	for _, v := range []any{kvtest.ErrorOutOfGas{}, kvtest.ErrorGasOverflow{}} {
		if _, ok := v.(error); ok {
			t.Errorf("%T is an error; the SDK's is not", v)
		}
	}
}

func TestGasStoreOverflow(t *testing.T) {
	s := kvtest.NewGasStoreWithConfig(kvtest.NewMemStore(), 0, kvtest.GasConfig{HasCost: math.MaxUint64})
	s.Has(b("k"))
	if v := recovered(func() { s.Has(b("k")) }); v != (kvtest.ErrorGasOverflow{Descriptor: "Has"}) {
		t.Errorf("panic %#v", v)
	}
	if s.GasConsumed() != math.MaxUint64 {
		t.Errorf("consumed %d", s.GasConsumed())
	}
}

// A failing parent costs what came before it; its error is passed on.
func TestGasStoreParentErrors(t *testing.T) {
	for name, c := range map[string]struct {
		call func(store.KVStore) error
		want uint64
	}{
		"get":    {func(s store.KVStore) error { _, err := s.Get(b("k")); return err }, 1000},
		"has":    {func(s store.KVStore) error { _, err := s.Has(b("k")); return err }, 1000},
		"set":    {func(s store.KVStore) error { return s.Set(b("k"), bytes.Repeat(b("v"), 9)) }, 2300},
		"delete": {func(s store.KVStore) error { return s.Delete(b("k")) }, 1000},
		"iter":   {func(s store.KVStore) error { _, err := s.Iterator(nil, nil); return err }, 0},
	} {
		s := kvtest.NewGasStore(kvtest.NewFaultStore(kvtest.NewMemStore(), kvtest.Fault{At: 1}), 0)
		if err := c.call(s); err != kvtest.ErrInjected || s.GasConsumed() != c.want {
			t.Errorf("%s: %v, consumed %d, want %d", name, err, s.GasConsumed(), c.want)
		}
	}
}

// The gas of everything but iterators follows from the counts of a trace.
func TestGasStoreAgreesWithCounts(t *testing.T) {
	gas := kvtest.NewGasStore(kvtest.NewMemStore(), 0)
	s := kvtest.NewTraceStore(gas)
	for i := range 50 {
		k := []byte{byte(i%7 + 1)}
		s.Get(k)
		if err := s.Set(k, bytes.Repeat(k, i+1)); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			s.Delete(k)
		}
		s.Has(k)
	}
	c := s.Counts()
	want := 1000*(c.Gets+c.Has+c.Deletes) + 3*c.BytesRead + 2000*c.Sets + 30*c.BytesWritten
	if gas.GasConsumed() != want {
		t.Errorf("%d, want %d", gas.GasConsumed(), want)
	}
}
