package kvtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cosmossdk.io/core/store"
	"github.com/kvshard/kvshard/kvtest"
)

func b(s string) []byte { return []byte(s) }

// filled returns a store with n records, k000 = v0, k001 = v1, ...
func filled(n int) *kvtest.MemStore {
	s := kvtest.NewMemStore()
	for i := range n {
		s.Put(fmt.Appendf(nil, "k%03d", i), fmt.Appendf(nil, "v%d", i))
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestMemStoreKeepsRecords(t *testing.T) {
	s := kvtest.Strict(t)
	for _, k := range []string{"b", "a", "c"} {
		if err := s.Set(b(k), b("value of "+k)); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := s.Get(b("b")); err != nil || string(v) != "value of b" {
		t.Errorf("Get: %q, %v", v, err)
	}
	if v, err := s.Get(b("x")); err != nil || v != nil {
		t.Errorf("Get of an absent key: %q, %v", v, err)
	}
	if ok, err := s.Has(b("b")); err != nil || !ok {
		t.Errorf("Has: %v, %v", ok, err)
	}
	if err := s.Set(b("b"), b("new")); err != nil {
		t.Error(err)
	}
	if err := s.Delete(b("a")); err != nil {
		t.Error(err)
	}
	if ok, err := s.Has(b("a")); err != nil || ok {
		t.Errorf("Has after Delete: %v, %v", ok, err)
	}
	if want := "62 = 6e6577\n63 = 76616c7565206f662063\n"; s.String() != want {
		t.Errorf("String:\n%swant\n%s", s, want)
	}
	if s.Len() != 2 || s.Bytes() != 1+3+1+10 {
		t.Errorf("Len %d, Bytes %d", s.Len(), s.Bytes())
	}
}

// Each misuse comes back as the error that names it, is kept as a violation, and
// changes nothing.
func TestMemStoreRules(t *testing.T) {
	get := func(key []byte) func(*kvtest.MemStore) error {
		return func(s *kvtest.MemStore) error { _, err := s.Get(key); return err }
	}
	set := func(key, value []byte) func(*kvtest.MemStore) error {
		return func(s *kvtest.MemStore) error { return s.Set(key, value) }
	}
	del := func(key []byte) func(*kvtest.MemStore) error {
		return func(s *kvtest.MemStore) error { return s.Delete(key) }
	}
	iter := func(start, end []byte) func(*kvtest.MemStore) error {
		return func(s *kvtest.MemStore) error {
			_, err := s.Iterator(start, end)
			_, reverse := s.Clone().ReverseIterator(start, end)
			if fmt.Sprint(err) != fmt.Sprint(reverse) {
				return fmt.Errorf("two answers: %v and %v", err, reverse)
			}
			return err
		}
	}
	under := func(f func(*kvtest.MemStore) error) func(*kvtest.MemStore) error {
		return func(s *kvtest.MemStore) error {
			it := must(s.Iterator(nil, nil))
			defer it.Close()
			return f(s)
		}
	}
	for name, c := range map[string]struct {
		call func(*kvtest.MemStore) error
		want error
	}{
		"get nil":            {get(nil), kvtest.ErrEmptyKey},
		"get empty":          {get(b("")), kvtest.ErrEmptyKey},
		"get long":           {get(make([]byte, kvtest.MaxKeyLength+1)), kvtest.ErrKeyTooLong},
		"has nil":            {func(s *kvtest.MemStore) error { _, err := s.Has(nil); return err }, kvtest.ErrEmptyKey},
		"set nil key":        {set(nil, b("v")), kvtest.ErrEmptyKey},
		"set empty key":      {set(b(""), b("v")), kvtest.ErrEmptyKey},
		"set nil value":      {set(b("k"), nil), kvtest.ErrNilValue},
		"set empty value":    {set(b("k"), b("")), kvtest.ErrEmptyValue},
		"set unchanged":      {set(b("k000"), b("v0")), kvtest.ErrUnchanged},
		"delete nil":         {del(nil), kvtest.ErrEmptyKey},
		"delete absent":      {del(b("k")), kvtest.ErrUnchanged},
		"empty start":        {iter(b(""), nil), kvtest.ErrEmptyKey},
		"empty end":          {iter(nil, b("")), kvtest.ErrEmptyKey},
		"set under iterator": {under(set(b("k"), b("v"))), kvtest.ErrIteratorOpen},
		"delete under it":    {under(del(b("k000"))), kvtest.ErrIteratorOpen},
	} {
		t.Run(name, func(t *testing.T) {
			s := filled(3)
			before := s.Clone()
			err := c.call(s)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if v := s.Violations(); len(v) != 1 || v[0].Error() != err.Error() {
				t.Errorf("violations: %v", v)
			}
			if d := before.Diff(s); d != "" {
				t.Errorf("store changed:\n%s", d)
			}
			if n := s.OpenIterators(); n != 0 {
				t.Errorf("%d iterators open", n)
			}
			if v, err := s.Get(b("k001")); err != nil || string(v) != "v1" {
				t.Errorf("the store no longer works: %q, %v", v, err)
			}
		})
	}
	if err := filled(0).Set(make([]byte, kvtest.MaxKeyLength), b("v")); err != nil {
		t.Errorf("longest key: %v", err)
	}
}

func TestMemStoreIterators(t *testing.T) {
	s := kvtest.Strict(t)
	for _, k := range []string{"a", "b", "c", "d"} {
		s.Put(b(k), b(k+k))
	}
	walk := func(it store.Iterator, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for ; it.Valid(); it.Next() {
			keys = append(keys, string(it.Key()))
			if string(it.Value()) != string(it.Key())+string(it.Key()) {
				t.Errorf("value of %s: %s", it.Key(), it.Value())
			}
		}
		if err := it.Error(); err != nil {
			t.Error(err)
		}
		if err := it.Close(); err != nil {
			t.Error(err)
		}
		return strings.Join(keys, "")
	}
	for _, c := range []struct {
		start, end []byte
		want       string
	}{
		{nil, nil, "abcd"}, {b("b"), nil, "bcd"}, {nil, b("c"), "ab"}, {b("b"), b("d"), "bc"},
		{b("aa"), b("cc"), "bc"}, {b("b"), b("b"), ""}, {b("c"), b("b"), ""}, {b("e"), nil, ""}, {nil, b("a"), ""},
	} {
		if got := walk(s.Iterator(c.start, c.end)); got != c.want {
			t.Errorf("[%s, %s): %s, want %s", c.start, c.end, got, c.want)
		}
		want := []byte(c.want)
		for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
			want[i], want[j] = want[j], want[i]
		}
		if got := walk(s.ReverseIterator(c.start, c.end)); got != string(want) {
			t.Errorf("reverse [%s, %s): %s, want %s", c.start, c.end, got, want)
		}
	}
	it := must(s.Iterator(b("b"), b("d")))
	if start, end := it.Domain(); string(start) != "b" || string(end) != "d" {
		t.Errorf("Domain: %s, %s", start, end)
	}
	// Raw writes go on underneath.
	s.Remove(b("b"))
	s.Put(b("bb"), b("x"))
	if it.Next(); string(it.Key()) != "bb" {
		t.Errorf("after raw writes: %s", it.Key())
	}
	it.Close()
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestMemStoreIteratorMisuse(t *testing.T) {
	s := filled(1)
	it := must(s.Iterator(nil, nil))
	it.Next()
	for name, f := range map[string]func(){
		"Next": it.Next, "Key": func() { it.Key() }, "Value": func() { it.Value() },
	} {
		if err, _ := recovered(f).(error); !errors.Is(err, kvtest.ErrIteratorInvalid) {
			t.Errorf("%s past the end: %v", name, err)
		}
	}
	if s.OpenIterators() != 1 || len(s.Violations()) != 3 {
		t.Errorf("%d iterators, violations %v", s.OpenIterators(), s.Violations())
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	for name, f := range map[string]func(){
		"Next": it.Next, "Key": func() { it.Key() }, "Value": func() { it.Value() },
	} {
		if err, _ := recovered(f).(error); !errors.Is(err, kvtest.ErrIteratorClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if it.Valid() {
		t.Error("valid after Close")
	}
	if err := it.Error(); !errors.Is(err, kvtest.ErrIteratorClosed) {
		t.Errorf("Error after Close: %v", err)
	}
	if err := it.Close(); !errors.Is(err, kvtest.ErrIteratorClosed) {
		t.Errorf("second Close: %v", err)
	}
	if n := len(s.Violations()); n != 9 {
		t.Errorf("%d violations: %v", n, s.Violations())
	}
}

func TestMemStoreExhaustedError(t *testing.T) {
	s := filled(1)
	s.ExhaustedError = errors.New("invalid cacheMergeIterator")
	for _, s := range []*kvtest.MemStore{s, s.Clone()} {
		it := must(s.Iterator(nil, nil))
		if err := it.Error(); err != nil {
			t.Errorf("at a record: %v", err)
		}
		it.Next()
		if err := it.Error(); err != s.ExhaustedError {
			t.Errorf("past the last: %v", err)
		}
		if err := it.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// The value is there until the next call, whatever that is, and then it is not:
// no byte of it stays.
func TestMemStoreScramblesGet(t *testing.T) {
	for name, call := range map[string]func(*kvtest.MemStore){
		"get":    func(s *kvtest.MemStore) { s.Get(b("k001")) },
		"has":    func(s *kvtest.MemStore) { s.Has(b("k001")) },
		"set":    func(s *kvtest.MemStore) { s.Set(b("k001"), b("new")) },
		"delete": func(s *kvtest.MemStore) { s.Delete(b("k001")) },
		"iter":   func(s *kvtest.MemStore) { must(s.Iterator(nil, nil)).Close() },
		"refused": func(s *kvtest.MemStore) {
			s.Get(nil)
			s.ResetViolations()
		},
	} {
		s := filled(2)
		it := must(s.Iterator(nil, nil))
		v := must(s.Get(b("k000")))
		it.Next() // no call on the store
		it.Close()
		s.Verify()
		s.Peek(b("k001"))
		if string(v) != "v0" {
			t.Fatalf("%s: expired too early", name)
		}
		call(s)
		if v[0] == 'v' || v[1] == '0' {
			t.Errorf("%s: value still there: %q", name, v)
		}
		if again := must(s.Get(b("k000"))); string(again) != "v0" {
			t.Errorf("%s: store was scrambled: %q", name, again)
		}
		kvtest.Finish(t, s)
	}
}

func TestMemStoreScramblesIterators(t *testing.T) {
	s := kvtest.Strict(t)
	s.Put(b("k000"), b("v0"))
	s.Put(b("k001"), b("v1"))
	it := must(s.Iterator(nil, nil))
	k, v := it.Key(), it.Value()
	s.Get(b("k001")) // does not touch them
	if string(k) != "k000" || string(v) != "v0" || &it.Key()[0] != &k[0] {
		t.Fatalf("expired too early: %q %q", k, v)
	}
	it.Next()
	if bytes.ContainsAny(k, "k0") || bytes.ContainsAny(v, "v0") {
		t.Errorf("still there after Next: %q %q", k, v)
	}
	k, v = it.Key(), it.Value()
	it.Close()
	if bytes.ContainsAny(k, "k01") || bytes.ContainsAny(v, "v1") {
		t.Errorf("still there after Close: %q %q", k, v)
	}
}

// Every slice that crosses, changed by the caller, is found: by the next call
// that has an error to return, or else by Verify, and once.
func TestMemStoreFindsChangedSlices(t *testing.T) {
	for name, misuse := range map[string]func(*kvtest.MemStore){
		"key of set":    func(s *kvtest.MemStore) { k := b("k"); s.Set(k, b("v")); k[0] = 'x' },
		"value of set":  func(s *kvtest.MemStore) { v := b("v"); s.Set(b("k"), v); v[0] = 'x' },
		"key of get":    func(s *kvtest.MemStore) { k := b("k"); s.Get(k); k[0] = 'x' },
		"key of has":    func(s *kvtest.MemStore) { k := b("k"); s.Has(k); k[0] = 'x' },
		"key of delete": func(s *kvtest.MemStore) { k := b("k000"); s.Delete(k); k[0] = 'x' },
		"start": func(s *kvtest.MemStore) {
			k := b("k")
			must(s.Iterator(k, nil)).Close()
			k[0] = 'x'
		},
		"end": func(s *kvtest.MemStore) {
			k := b("k")
			must(s.ReverseIterator(nil, k)).Close()
			k[0] = 'x'
		},
		"value from get": func(s *kvtest.MemStore) { must(s.Get(b("k000")))[0] = 'x' },
	} {
		t.Run(name, func(t *testing.T) {
			s := filled(2)
			misuse(s)
			if v := s.Violations(); len(v) != 0 {
				t.Fatalf("too early: %v", v)
			}
			c := filled(2)
			misuse(c)
			if err := c.Verify(); !errors.Is(err, kvtest.ErrMutated) {
				t.Errorf("Verify: %v", err)
			}
			if err := c.Verify(); err != nil {
				t.Errorf("second Verify: %v", err)
			}
			if _, err := s.Get(b("k001")); !errors.Is(err, kvtest.ErrMutated) {
				t.Errorf("next call: %v", err)
			}
			if _, err := s.Get(b("k001")); err != nil {
				t.Errorf("call after: %v", err)
			}
			for _, s := range []*kvtest.MemStore{s, c} {
				if v := s.Violations(); len(v) != 1 || !errors.Is(v[0], kvtest.ErrMutated) {
					t.Errorf("violations: %v", v)
				}
			}
		})
	}
	t.Run("iterator", func(t *testing.T) {
		s := filled(3)
		it := must(s.Iterator(nil, nil))
		it.Key()[0] = 'x'
		it.Next()
		if err := it.Error(); !errors.Is(err, kvtest.ErrMutated) {
			t.Errorf("Error: %v", err)
		}
		it.Value()[0] = 'x'
		if err := s.Verify(); !errors.Is(err, kvtest.ErrMutated) {
			t.Errorf("Verify: %v", err)
		}
		if err := it.Close(); !errors.Is(err, kvtest.ErrMutated) {
			t.Errorf("Close: %v", err)
		}
		if n := len(s.Violations()); n != 2 {
			t.Errorf("violations: %v", s.Violations())
		}
	})
	t.Run("much later", func(t *testing.T) {
		s := kvtest.NewMemStore()
		k, v := b("k"), b("v")
		s.Set(k, v)
		for range 3000 { // far more than are watched
			s.Has(b("x"))
		}
		v[0] = 'x'
		if got, err := s.Get(b("k")); !errors.Is(err, kvtest.ErrMutated) || got != nil {
			t.Errorf("Get: %q, %v", got, err)
		}
		if got, err := s.Get(b("k")); err != nil || string(got) != "v" {
			t.Errorf("second Get: %q, %v", got, err)
		}
	})
	t.Run("one buffer for all", func(t *testing.T) {
		s := kvtest.NewMemStore()
		buf := b("a")
		s.Set(buf, b("1"))
		buf[0] = 'b'
		if err := s.Set(buf, b("2")); !errors.Is(err, kvtest.ErrMutated) {
			t.Errorf("Set: %v", err)
		}
		if want := "61 = 31\n"; s.String() != want {
			t.Errorf("store:\n%s", s)
		}
	})
}

func TestMemStoreFindsExpiredArguments(t *testing.T) {
	for name, misuse := range map[string]func(*kvtest.MemStore) error{
		"value from get": func(s *kvtest.MemStore) error {
			return s.Set(b("new"), must(s.Get(b("k000"))))
		},
		"part of it": func(s *kvtest.MemStore) error {
			return s.Delete(must(s.Get(b("k000")))[1:])
		},
		"older one": func(s *kvtest.MemStore) error {
			v := must(s.Get(b("k000")))
			s.Get(b("k001"))
			return s.Set(b("new"), v)
		},
		"key from iterator": func(s *kvtest.MemStore) error {
			it := must(s.Iterator(nil, nil))
			k := it.Key()
			it.Close()
			return s.Delete(k)
		},
		"bound": func(s *kvtest.MemStore) error {
			_, err := s.Iterator(must(s.Get(b("k000"))), nil)
			return err
		},
	} {
		s := filled(2)
		before := s.Clone()
		if err := misuse(s); !errors.Is(err, kvtest.ErrExpired) {
			t.Errorf("%s: %v", name, err)
		}
		if v := s.Violations(); len(v) != 1 {
			t.Errorf("%s: violations %v", name, v)
		}
		if !s.Equal(before) {
			t.Errorf("%s: the store changed:\n%s", name, before.Diff(s))
		}
	}
	// A key that has not expired is as good as any.
	s := kvtest.Strict(t)
	s.Put(b("k"), b("v"))
	it := must(s.Iterator(nil, nil))
	defer it.Close()
	if v, err := s.Get(it.Key()); err != nil || string(v) != "v" {
		t.Errorf("Get(it.Key()): %q, %v", v, err)
	}
}

func TestMemStoreCopies(t *testing.T) {
	s := filled(600)
	c := s.Clone()
	if !s.Equal(c) || !c.Equal(s) || c.Len() != 600 || c.Bytes() != s.Bytes() {
		t.Fatal("a clone differs")
	}
	c.Set(b("k001"), b("other"))
	c.Remove(b("k002"))
	c.Put(b("zz"), nil)
	c.Remove(b("not there"))
	want := "- 6b303031 = 7631\n+ 6b303031 = 6f74686572\n- 6b303032 = 7632\n+ 7a7a = \n"
	if d := s.Diff(c); d != want || s.Equal(c) {
		t.Errorf("Diff:\n%swant\n%s", d, want)
	}
	if d := kvtest.NewMemStore().Diff(filled(1)) + filled(1).Diff(kvtest.NewMemStore()); d != "+ 6b303030 = 7630\n- 6b303030 = 7630\n" {
		t.Errorf("Diff with an empty store:\n%s", d)
	}
	p := kvtest.NewMemStoreFromPairs(c.Dump())
	if d := c.Diff(p); d != "" {
		t.Errorf("from its dump:\n%s", d)
	}
	dump := s.Dump()
	dump[0].Value[0] = 'x'
	s.Peek(b("k001"))[0] = 'x'
	if v := s.Peek(b("k000")); string(v) != "v0" {
		t.Error("a dump shares memory with its store")
	}
	if s.Peek(b("none")) != nil || c.Peek(b("zz")) == nil {
		t.Error("Peek mixes up absent and empty")
	}
	if got := dump[1].String(); got != "6b303031 = 7631" {
		t.Errorf("Pair: %s", got)
	}
	// An empty record, which only Put can write, is present.
	if v, err := c.Get(b("zz")); err != nil || v == nil || len(v) != 0 {
		t.Errorf("Get of an empty record: %v, %v", v, err)
	}
	// Neither violations nor iterators are cloned.
	s.Get(nil)
	it := must(s.Iterator(nil, nil))
	defer it.Close()
	kvtest.Finish(t, s.Clone())
}

func BenchmarkMemStore(b *testing.B) {
	s := filled(0)
	for i := 0; b.Loop(); i++ {
		key := []byte{1, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		if err := s.Set(key, make([]byte, 600)); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Get(key); err != nil {
			b.Fatal(err)
		}
	}
}
