package kvshard_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

func TestOpenAndNewRefuse(t *testing.T) {
	var nilDB *dbm.MemDB
	if _, err := kvshard.Open(nil); !errors.Is(err, kvshard.ErrStore) {
		t.Errorf("nil store: %v, want ErrStore", err)
	}
	if _, err := kvshard.Open(nilDB); !errors.Is(err, kvshard.ErrStore) {
		t.Errorf("nil pointer as store: %v, want ErrStore", err)
	}
	if _, err := kvshard.New(nil); !errors.Is(err, kvshard.ErrInvalidArgument) {
		t.Errorf("nil proxy: %v, want ErrInvalidArgument", err)
	}
	for name, option := range map[string]kvshard.Option{
		"no checkpoints":    kvshard.WithMaxCheckpoints(0),
		"unknown retention": kvshard.WithRetention(2),
		"nil observer":      kvshard.WithObserver(nil),
		"negative threads":  kvshard.WithThreads(-1),
		"nil option":        nil,
	} {
		if tree, err := kvshard.Open(dbm.NewMemDB(), option); !errors.Is(err, kvshard.ErrInvalidArgument) || tree != nil {
			t.Errorf("Open, %s: %v, %v; want ErrInvalidArgument", name, tree, err)
		}
		if tree, err := kvshard.New(kvshard.NewStoreProxy(nil), option); !errors.Is(err, kvshard.ErrInvalidArgument) || tree != nil {
			t.Errorf("New, %s: %v, %v; want ErrInvalidArgument", name, tree, err)
		}
	}
}

// TestTreeThatNobodyMade: a nil *Tree, as a keeper has it that did not look at
// New's error, and a zero Tree answer every method with a typed error.
func TestTreeThatNobodyMade(t *testing.T) {
	insert := func(t *kvshard.Tree) error { return t.InsertFrontier(kvshard.Frontier{}, 1) }
	for name, tree := range map[string]*kvshard.Tree{"nil": nil, "zero": {}} {
		fails := func(method string, call func(*kvshard.Tree) error) {
			t.Helper()
			err := call(tree)
			var e *kvshard.Error
			if !errors.Is(err, kvshard.ErrStore) || !errors.As(err, &e) || e.Op != method || e.What == "" {
				t.Errorf("%s of a %s Tree: %v, want an Error that wraps ErrStore", method, name, err)
			}
		}
		for _, c := range treetest.Calls {
			fails(c.Name, c.Call)
		}
		fails("InsertFrontier", insert)
		// What is wrong with the arguments comes first, as ever.
		for _, err := range []error{tree.Dump(nil), tree.InsertFrontier(kvshard.Frontier{Size: 2}, 1)} {
			if !errors.Is(err, kvshard.ErrInvalidArgument) {
				t.Errorf("bad arguments for a %s Tree: %v, want ErrInvalidArgument", name, err)
			}
		}
	}
	tried := map[string]bool{"InsertFrontier": true}
	for _, c := range treetest.Calls {
		tried[c.Name] = true
	}
	for all, i := reflect.TypeFor[*kvshard.Tree](), 0; i < all.NumMethod(); i++ {
		if name := all.Method(i).Name; !tried[name] {
			t.Errorf("%s is not tried", name)
		}
	}
	var proxy *kvshard.StoreProxy
	proxy.SetStore(dbm.NewMemDB())
	if _, err := kvshard.New(proxy); !errors.Is(err, kvshard.ErrInvalidArgument) {
		t.Errorf("New with a nil proxy: %v, want ErrInvalidArgument", err)
	}
	zero, err := kvshard.New(&kvshard.StoreProxy{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zero.Size(); !errors.Is(err, kvshard.ErrStore) {
		t.Errorf("a zero proxy: %v, want ErrStore", err)
	}
}

func TestOpenDoesNotTouchTheStore(t *testing.T) {
	counting := kvtest.NewFaultStore(kvtest.NewMemStore(), kvtest.Fault{})
	if _, err := kvshard.Open(counting, kvshard.WithPrefix([]byte("p"))); err != nil {
		t.Fatal(err)
	}
	if counting.Ops() != 0 {
		t.Errorf("Open did %d operations", counting.Ops())
	}
}

func TestOpenAllocatesLittle(t *testing.T) {
	db := dbm.NewMemDB()
	if n := testing.AllocsPerRun(100, func() { _, _ = kvshard.Open(db) }); n > 4 {
		t.Errorf("Open makes %v allocations", n)
	}
}

func TestCallsWithoutAStoreFail(t *testing.T) {
	proxy := kvshard.NewStoreProxy(nil)
	tree, err := kvshard.New(proxy)
	if err != nil {
		t.Fatal(err)
	}
	fails := func(when string) {
		t.Helper()
		for _, c := range treetest.Calls {
			if err := c.Call(tree); !errors.Is(err, kvshard.ErrStore) {
				t.Errorf("%s, %s: %v, want ErrStore", when, c.Name, err)
			}
		}
	}
	fails("before SetStore")
	proxy.SetStore(dbm.NewMemDB())
	if _, err := tree.Size(); err != nil {
		t.Errorf("with a store: %v", err)
	}
	proxy.SetStore(nil)
	fails("after SetStore(nil)")

	var zero kvshard.Tree
	if _, err := zero.Size(); !errors.Is(err, kvshard.ErrStore) {
		t.Errorf("zero Tree: %v, want ErrStore", err)
	}
}

func TestSetStoreSwitchesTrees(t *testing.T) {
	first, second := dbm.NewMemDB(), dbm.NewMemDB()
	proxy := kvshard.NewStoreProxy(first)
	tree, err := kvshard.New(proxy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Append(kvshard.Node{1}); err != nil {
		t.Fatal(err)
	}
	proxy.SetStore(second)
	if size, err := tree.Size(); size != 0 || err != nil {
		t.Errorf("second store: size %d, %v", size, err)
	}
	proxy.SetStore(first)
	if size, err := tree.Size(); size != 1 || err != nil {
		t.Errorf("first store: size %d, %v", size, err)
	}
}

func TestPrefixIsCopiedAndHoldsAllKeys(t *testing.T) {
	for _, prefix := range [][]byte{{'a'}, {0x13}, {'a', 0}, {'a', 0xFF}, {0xFF}, {0xFF, 0xFF}} {
		t.Run(fmt.Sprintf("%x", prefix), func(t *testing.T) {
			db := dbm.NewMemDB()
			foreign := [][]byte{{0x01}, {0x11, 0, 0, 0, 9}, {0x14}, {'b'}, {0xFE, 0xFF, 0xFF, 0xFF}}
			for _, key := range foreign {
				if err := db.Set(key, []byte("foreign")); err != nil {
					t.Fatal(err)
				}
			}
			buffer := bytes.Clone(prefix)
			tree, err := kvshard.Open(db, kvshard.WithPrefix(buffer), kvshard.WithMaxCheckpoints(2))
			if err != nil {
				t.Fatal(err)
			}
			clear(buffer)
			if _, err := tree.AppendBatch(make([]kvshard.Node, 17)); err != nil {
				t.Fatal(err)
			}
			for id := range uint32(3) {
				if err := tree.Checkpoint(id); err != nil {
					t.Fatal(err)
				}
			}
			var ids []uint32
			for checkpoint, err := range tree.Checkpoints() {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, checkpoint.ID)
			}
			if want := []uint32{1, 2}; !slices.Equal(ids, want) {
				t.Errorf("checkpoints %v, want %v", ids, want)
			}
			if size, err := tree.Size(); size != 17 || err != nil {
				t.Errorf("size %d, %v", size, err)
			}
			if err := tree.Check(); err != nil {
				t.Error(err)
			}
			var others [][]byte
			for entry, err := range kvshard.Entries(db, nil, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.HasPrefix(entry.Key, prefix) {
					others = append(others, entry.Key)
				}
			}
			if !slices.EqualFunc(others, foreign, bytes.Equal) {
				t.Errorf("keys without the prefix: %x, want %x", others, foreign)
			}
		})
	}
}

func TestRetentionHasAName(t *testing.T) {
	for r, want := range map[kvshard.Retention]string{
		kvshard.Marked: "Marked", kvshard.Ephemeral: "Ephemeral", 9: "Retention(9)",
	} {
		if r.String() != want {
			t.Errorf("got %q, want %q", r, want)
		}
	}
}

func TestObserverSeesEveryCall(t *testing.T) {
	var seen []kvshard.Stats
	observe := kvshard.WithObserver(func(st kvshard.Stats) { seen = append(seen, st) })
	trace := kvtest.NewTraceStore(kvtest.NewMemStore())
	tree := treetest.Fill(t, trace, observe)
	seen = nil

	type counts struct{ gets, sets, deletes, creates, nexts uint64 }
	for _, c := range treetest.Calls {
		before := trace.Counts()
		if err := c.Call(tree); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		did := trace.Counts().Sub(before)
		want := counts{did.Gets, did.Sets, did.Deletes, did.IterCreates, did.IterNexts}
		if len(seen) != 1 {
			t.Fatalf("%s: the observer ran %d times", c.Name, len(seen))
		}
		st := seen[0]
		seen = nil
		if got := (counts{st.Gets, st.Sets, st.Deletes, st.IterCreates, st.IterNexts}); got != want || st.Op != c.Name {
			t.Errorf("%s: %+v, want Op and %+v", c.Name, st, want)
		}
		if (st.Gets > 0) != (st.BytesRead > 0) && st.IterCreates == 0 || (st.Sets > 0) != (st.BytesWritten > 0) {
			t.Errorf("%s: bytes do not go with operations: %+v", c.Name, st)
		}
	}

	tree, _ = treetest.Faulty(t, kvtest.Fault{At: 1}, observe)
	seen = nil
	if _, err := tree.Size(); err == nil {
		t.Error("no error")
	}
	if len(seen) != 1 || seen[0].Op != "Size" || seen[0].Gets != 1 {
		t.Errorf("after a failed call the observer saw %+v", seen)
	}
}

func TestCheckpointsLoopMayWrite(t *testing.T) {
	tree := treetest.Fill(t, dbm.NewMemDB())
	next := uint32(31)
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			t.Fatal(err)
		}
		if checkpoint.ID > 30 {
			t.Errorf("checkpoint %d was made in the loop", checkpoint.ID)
		}
		if _, err := tree.Append(kvshard.Node{}); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(next); err != nil {
			t.Fatal(err)
		}
		next++
	}
	if next != 34 {
		t.Errorf("the loop ran %d times, want 3", next-31)
	}
	for range tree.Checkpoints() {
		break
	}
}

func TestAppendBatchOfNothing(t *testing.T) {
	trace := kvtest.NewTraceStore(kvtest.NewMemStore())
	tree := treetest.Fill(t, trace)
	before := trace.Counts()
	if first, err := tree.AppendBatch(nil); first != 50 || err != nil {
		t.Errorf("got %d, %v; want 50", first, err)
	}
	if did := trace.Counts().Sub(before); did.Ops() != did.Gets {
		t.Errorf("it did %v, want gets alone", did)
	}
}

func TestVersion(t *testing.T) {
	if kvshard.Version() == "" {
		t.Error("no version")
	}
}
