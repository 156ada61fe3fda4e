package kvtest_test

import (
	"errors"
	"testing"

	"github.com/kvshard/kvshard/kvtest"
)

func TestTraceStoreFormat(t *testing.T) {
	mem := kvtest.Strict(t)
	// Below the trace, a store that fails where it is told to.
	failing := kvtest.NewFaultStore(mem, kvtest.Fault{At: 1, Err: errors.New("disk on fire"),
		Match: func(_ kvtest.OpKind, key []byte) bool { return string(key) == "bad" }, Sticky: true})
	panicking := kvtest.NewFaultStore(failing, kvtest.Fault{At: 1, Mode: kvtest.FaultPanic, Panic: "boom",
		Match: func(_ kvtest.OpKind, key []byte) bool { return string(key) == "ouch" }, Sticky: true})
	s := kvtest.NewTraceStore(panicking)

	s.Set([]byte{0x0f, 0x01}, b("abc"))
	s.Set([]byte{0x10}, b("v"))
	s.Get([]byte{0x10})
	s.Get([]byte{0x11})
	s.Has([]byte{0x10})
	s.Has([]byte{0x11})
	s.Delete([]byte{0x10})
	it := must(s.Iterator([]byte{0x0f}, []byte{0x10}))
	for ; it.Valid(); it.Next() {
		it.Key()
		it.Value()
		it.Key()
	}
	it.Close()
	s.Set([]byte{0x0f, 0x02}, b("abcdef"))
	it = must(s.ReverseIterator(nil, []byte{0x10}))
	it.Value()
	it.Next()
	it.Key()
	it.Next()
	it.Close()
	s.Get(b("bad"))
	s.Set(b("bad"), b("v"))
	s.Has(b("bad"))
	s.Iterator(b("bad"), nil)
	if v := recovered(func() { s.Get(b("ouch")) }); v != "boom" {
		t.Errorf("recovered %v", v)
	}
	recovered(func() { s.Has(b("ouch")) })
	recovered(func() { s.Set(b("ouch"), b("v")) })
	recovered(func() { s.Iterator(b("ouch"), nil) })

	const want = `set 0f01 = 3:ba7816bf
set 10 = 1:4c94485e
get 10 -> 1:4c94485e
get 11 -> absent
has 10 -> true
has 11 -> false
delete 10
iter#1 [0f, 10) -> 0f01 = 3:ba7816bf
next#1 -> end
close#1
set 0f02 = 6:bef57ec7
iter#2 reverse [.., 10) -> ? = 6:bef57ec7
next#2 -> 0f01
next#2
close#2
get 626164 -> error: disk on fire
set 626164 = 1:4c94485e -> error: disk on fire
has 626164 -> error: disk on fire
iter#3 [626164, ..) -> error: disk on fire
get 6f756368 -> panic
has 6f756368 -> panic
set 6f756368 = 1:4c94485e -> panic
iter#4 [6f756368, ..) -> panic
`
	if got := s.String(); got != want {
		t.Errorf("trace:\n%swant:\n%s", got, want)
	}
	counts := kvtest.Counts{
		Gets: 4, Has: 4, Sets: 5, Deletes: 1, IterCreates: 4, IterNexts: 3,
		BytesRead:    (1 + 1) + 1 + (2 + 3) + 6 + 2,
		BytesWritten: (2 + 3) + (1 + 1) + (2 + 6),
	}
	if got := s.Counts(); got != counts {
		t.Errorf("counts: %v\nwant    %v", got, counts)
	}
	if n := s.Counts().Ops(); n != 4+4+5+1+4+3 {
		t.Errorf("Ops: %d", n)
	}

	ops := s.Trace()
	if op := ops[7]; op.Kind != kvtest.OpIter || op.Iter != 1 || string(op.Start) != "\x0f" ||
		string(op.Key) != "\x0f\x01" || op.ValueLen != 3 || op.AtEnd || op.Err != nil {
		t.Errorf("Trace()[7]: %+v", op)
	}
	if op := ops[15]; op.Err == nil || op.Panicked || op.Found {
		t.Errorf("Trace()[15]: %+v", op)
	}
	if op := ops[19]; op.Err != nil || !op.Panicked {
		t.Errorf("Trace()[19]: %+v", op)
	}

	s.Reset()
	s.Get(b("k"))
	must(s.Iterator(nil, nil)).Close()
	if want := "get 6b -> absent\niter#1 [.., ..)\nclose#1\n"; s.String() != want {
		t.Errorf("after Reset:\n%swant:\n%s", s, want)
	}
	before := s.Counts()
	s.Record(false)
	s.Set(b("k"), b("v"))
	s.Record(true)
	s.Get(b("k"))
	if want := "get 6b -> absent\niter#1 [.., ..)\nclose#1\nget 6b -> 1:4c94485e\n"; s.String() != want {
		t.Errorf("not recording:\n%swant:\n%s", s, want)
	}
	if got := s.Counts().Sub(before); got != (kvtest.Counts{Gets: 1, Sets: 1, BytesRead: 2, BytesWritten: 2}) {
		t.Errorf("not recording: %v", got)
	}
}

// What fails on an iterator stands in the line of where it stood.
func TestTraceStoreOfFailingIterators(t *testing.T) {
	for _, c := range []struct {
		fault kvtest.Fault
		want  string
	}{
		{kvtest.Fault{At: 2, Mode: kvtest.FaultBreak}, "iter#1 [.., ..) -> 6b303030\nnext#1 -> end, error: kvtest: injected fault\nclose#1\n"},
		{kvtest.Fault{At: 2, Mode: kvtest.FaultEnd}, "iter#1 [.., ..) -> 6b303030\nnext#1 -> end\nclose#1\n"},
		{kvtest.Fault{At: 3, Mode: kvtest.FaultPanic}, "iter#1 [.., ..) -> panic\nclose#1\n"},
		{kvtest.Fault{At: 4, Mode: kvtest.FaultPanic}, "iter#1 [.., ..) -> 6b303030\nnext#1 -> panic\nclose#1\n"},
		{kvtest.Fault{At: 2, Mode: kvtest.FaultPanic}, "iter#1 [.., ..) -> panic\nclose#1\n"},
	} {
		s := kvtest.NewTraceStore(kvtest.NewFaultStore(filled(3), c.fault))
		recovered(func() {
			it := must(s.Iterator(nil, nil))
			defer it.Close()
			for ; it.Valid(); it.Next() {
				it.Key()
			}
			it.Error()
		})
		if s.String() != c.want {
			t.Errorf("%v:\n%swant:\n%s", c.fault.Mode, s, c.want)
		}
	}
}

// A trace looks at nothing by itself: it neither counts as operations below nor
// shows what was not asked for.
func TestTraceStoreOnlyWatches(t *testing.T) {
	below := kvtest.NewFaultStore(filled(3), kvtest.Fault{})
	s := kvtest.NewTraceStore(below)
	it := must(s.Iterator(nil, nil))
	it.Next()
	it.Close()
	if below.Ops() != 3 {
		t.Errorf("%d operations reached the store", below.Ops())
	}
	if want := "iter#1 [.., ..)\nnext#1\nclose#1\n"; s.String() != want {
		t.Errorf("trace:\n%s", s)
	}
	// Its bytes are copies.
	key := b("k000")
	s.Reset()
	s.Get(key)
	key[0] = 'x'
	if got := s.Trace()[0].Key; string(got) != "k000" {
		t.Errorf("key in the trace: %s", got)
	}
}
