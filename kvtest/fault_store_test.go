package kvtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cosmossdk.io/core/store"
	"github.com/kvshard/kvshard/kvtest"
)

// sum is code under test: it reads all records from "k" on, then writes their
// number and deletes the first. It treats each failure as it should.
func sum(s store.KVStore) (err error) {
	it, err := s.Iterator(b("k"), nil)
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			it.Close()
		}
	}()
	n, first := 0, []byte(nil)
	for ; it.Valid(); it.Next() {
		k := it.Key()
		v := it.Value()
		if err := it.Error(); err != nil {
			return err
		}
		if want := fmt.Sprintf("v%d", n); string(k) != fmt.Sprintf("k%03d", n) || string(v) != want {
			return fmt.Errorf("corrupt: %q = %q", k, v)
		}
		if first == nil {
			first = append(first, k...)
		}
		n++
	}
	if err := it.Error(); err != nil {
		return err
	}
	closed = true
	if err := it.Close(); err != nil {
		return err
	}
	switch v, err := s.Get(b("a")); {
	case err != nil:
		return err
	case string(v) != fmt.Sprint(n):
		return fmt.Errorf("corrupt: %d records, a = %q", n, v)
	}
	switch ok, err := s.Has(b("a")); {
	case err != nil:
		return err
	case !ok:
		return errors.New("corrupt: a is gone")
	}
	if err := s.Set(b("a"), fmt.Append(nil, n-1)); err != nil {
		return err
	}
	return s.Delete(first)
}

// The loop that the package's story tells, for each mode: every round has its
// fault, every fault comes out, nothing stays open.
func TestFaultStoreEveryOperation(t *testing.T) {
	const records = 4
	start := filled(records)
	start.Put(b("a"), fmt.Append(nil, records))
	odd := &struct{ what string }{"odd"}
	for _, c := range []struct {
		fault kvtest.Fault
		ops   int
	}{
		// iter; valid, key, value, error, next a record; valid, error, close; get, has, set, delete
		{kvtest.Fault{Mode: kvtest.FaultError}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultError, Err: errors.New("mine")}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultError, Sticky: true}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultPanic}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultPanic, Panic: odd}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultPanic, Panic: kvtest.ErrorOutOfGas{Descriptor: "WriteFlat"}, Sticky: true}, 1 + 5*records + 3 + 4},
		{kvtest.Fault{Mode: kvtest.FaultNil}, 2*records + 2},
		{kvtest.Fault{Mode: kvtest.FaultShort}, 2*records + 1},
		{kvtest.Fault{Mode: kvtest.FaultShort, Arg: -1}, 2*records + 1},
		{kvtest.Fault{Mode: kvtest.FaultCorrupt}, 2*records + 1},
		{kvtest.Fault{Mode: kvtest.FaultCorrupt, Arg: 7}, 2*records + 1},
		{kvtest.Fault{Mode: kvtest.FaultBreak}, records},
		{kvtest.Fault{Mode: kvtest.FaultEnd}, records},
	} {
		for n := 1; ; n++ {
			mem := start.Clone()
			c.fault.At = n
			s := kvtest.NewFaultStore(mem, c.fault)
			var err error
			panicked := recovered(func() { err = sum(s) })
			if !s.Fired() {
				if n != c.ops+1 || s.Ops() != c.ops || err != nil || panicked != nil {
					t.Errorf("%v: stopped at %d, want %d; %v, %v", s, n, c.ops+1, err, panicked)
				}
				break
			}
			switch {
			case c.fault.Mode == kvtest.FaultPanic:
				if want := orInjected(c.fault.Panic); panicked != want {
					t.Errorf("%v: panic %v, want %v", s, panicked, want)
				}
			case c.fault.Mode == kvtest.FaultError || c.fault.Mode == kvtest.FaultBreak:
				want := kvtest.ErrInjected
				if c.fault.Err != nil {
					want = c.fault.Err
				}
				if err != want {
					t.Errorf("%v: %v, want %v", s, err, want)
				}
			case err == nil || !strings.HasPrefix(err.Error(), "corrupt"):
				t.Errorf("%v: %v", s, err)
			}
			kvtest.Finish(t, mem)
			if t.Failed() {
				return
			}
		}
	}
}

func orInjected(v any) any {
	if v == nil {
		return kvtest.ErrInjected
	}
	return v
}

func TestFaultStoreOnce(t *testing.T) {
	s := kvtest.NewFaultStore(filled(2), kvtest.Fault{At: 2})
	for i, want := range []error{nil, kvtest.ErrInjected, nil, nil} {
		if _, err := s.Get(b("k000")); err != want {
			t.Errorf("call %d: %v", i+1, err)
		}
		if s.Fired() != (i >= 1) || s.Ops() != i+1 {
			t.Errorf("call %d: fired %v, %d operations", i+1, s.Fired(), s.Ops())
		}
	}
	if got := s.String(); got != "error at operation 2, get 6b303030" {
		t.Errorf("String: %s", got)
	}
	if got := kvtest.NewFaultStore(filled(2), kvtest.Fault{Mode: kvtest.FaultEnd}).String(); got != "no end in 0 operations" {
		t.Errorf("String: %s", got)
	}
}

func TestFaultStoreSticky(t *testing.T) {
	mem := filled(2)
	s := kvtest.NewFaultStore(mem, kvtest.Fault{At: 2, Sticky: true})
	it := must(s.Iterator(nil, nil))
	for range 3 {
		if err := s.Set(b("k"), b("v")); err != kvtest.ErrInjected {
			t.Error(err)
		}
	}
	if it.Valid() || it.Error() != kvtest.ErrInjected || it.Close() != kvtest.ErrInjected {
		t.Error("an iterator survived")
	}
	kvtest.Finish(t, mem)
}

func TestFaultStoreMatch(t *testing.T) {
	mem := filled(2)
	s := kvtest.NewFaultStore(mem, kvtest.Fault{At: 1, Match: func(kind kvtest.OpKind, key []byte) bool {
		return kind == kvtest.OpSet && string(key) == "k001"
	}})
	if _, err := s.Get(b("k001")); err != nil {
		t.Error(err)
	}
	if err := s.Set(b("k000"), b("new")); err != nil {
		t.Error(err)
	}
	if err := s.Set(b("k001"), b("new")); err != kvtest.ErrInjected {
		t.Error(err)
	}
	if s.Ops() != 1 || s.String() != "error at operation 1, set 6b303031" {
		t.Errorf("%v, %d operations", s, s.Ops())
	}
	if string(mem.Peek(b("k001"))) != "v1" {
		t.Error("the failed write was made")
	}
}

func TestFaultStoreDamage(t *testing.T) {
	for _, c := range []struct {
		mode kvtest.FaultMode
		arg  int
		want string
	}{
		{kvtest.FaultShort, 0, ""}, {kvtest.FaultShort, 2, "ab"}, {kvtest.FaultShort, 3, ""}, {kvtest.FaultShort, -1, "ab"},
		{kvtest.FaultCorrupt, 0, "`bc"}, {kvtest.FaultCorrupt, 8 + 1, "a`c"}, {kvtest.FaultCorrupt, -3, "abC"},
	} {
		mem := kvtest.Strict(t)
		mem.Put(b("k"), b("abc"))
		s := kvtest.NewFaultStore(mem, kvtest.Fault{At: 1, Mode: c.mode, Arg: c.arg})
		v, err := s.Get(b("k"))
		if err != nil || v == nil || string(v) != c.want {
			t.Errorf("%v %d: %q, %v; want %q", c.mode, c.arg, v, err, c.want)
		}
		if v, err := s.Get(b("k")); err != nil || string(v) != "abc" {
			t.Errorf("%v %d: second Get %q, %v", c.mode, c.arg, v, err)
		}
	}
	s := kvtest.NewFaultStore(filled(1), kvtest.Fault{At: 1, Mode: kvtest.FaultNil})
	s.Get(b("absent")) // nothing to take away
	if s.Ops() != 0 {
		t.Error("an absent record was counted")
	}
	if v, err := s.Get(b("k000")); v != nil || err != nil {
		t.Errorf("nil: %v, %v", v, err)
	}
}

// A caller that goes on with an iterator that has failed is found out; one that
// could not know yet is not.
func TestFaultStoreFailedIterators(t *testing.T) {
	only := func(kind kvtest.OpKind) kvtest.Fault {
		return kvtest.Fault{At: 1, Match: func(k kvtest.OpKind, _ []byte) bool { return k == kind }}
	}
	s := kvtest.NewFaultStore(filled(3), only(kvtest.OpKey))
	it := must(s.Iterator(nil, nil))
	if it.Key() != nil || it.Value() != nil {
		t.Error("something was read")
	}
	it.Next()
	if it.Valid() || it.Error() != kvtest.ErrInjected {
		t.Error("the iterator lives")
	}
	if err, _ := recovered(it.Next).(error); !errors.Is(err, kvtest.ErrIteratorInvalid) {
		t.Errorf("Next: %v", err)
	}
	if start, end := it.Domain(); start != nil || end != nil {
		t.Error("Domain")
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}

	s = kvtest.NewFaultStore(filled(3), only(kvtest.OpNext))
	it = must(s.Iterator(nil, nil))
	it.Next()
	if err, _ := recovered(func() { it.Key() }).(error); !errors.Is(err, kvtest.ErrIteratorInvalid) {
		t.Errorf("Key: %v", err)
	}
	it.Close()
}

func TestNames(t *testing.T) {
	var names []string
	for m := kvtest.FaultError; m <= kvtest.FaultEnd+1; m++ {
		names = append(names, m.String())
	}
	for k := kvtest.OpKind(0); k <= kvtest.OpError+1; k++ {
		names = append(names, k.String())
	}
	const want = "error panic nil short corrupt break end FaultMode(7) " +
		"OpKind(0) get has set delete iter next close valid key value error OpKind(12)"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names: %s", got)
	}
}
