package kvtest_test

import (
	"errors"
	"fmt"

	"cosmossdk.io/core/store"
	"github.com/kvshard/kvshard/kvtest"
)

// count adds one to the counter under key "n".
func count(kv store.KVStore) error {
	n, err := kv.Get([]byte("n"))
	if err != nil {
		return err
	}
	next := byte(1)
	if len(n) == 1 {
		next = n[0] + 1
	}
	return kv.Set([]byte("n"), []byte{next})
}

// A test of a call: what it does to the store, what that costs, and that every
// failure comes out.
func Example() {
	mem := kvtest.NewMemStore() // in a test: kvtest.Strict(t)
	gas := kvtest.NewGasStore(mem, 0)
	trace := kvtest.NewTraceStore(gas)
	if err := errors.Join(count(trace), count(trace)); err != nil {
		fmt.Println(err)
	}
	fmt.Print(trace)
	fmt.Println("counts:", trace.Counts())
	fmt.Println("gas:   ", gas.GasConsumed())
	fmt.Println("store: ", mem.Dump())
	fmt.Println("broken rules:", mem.Check())

	for n := 1; ; n++ {
		store := kvtest.NewFaultStore(mem.Clone(), kvtest.Fault{At: n})
		err := count(store)
		if !store.Fired() {
			break
		}
		fmt.Printf("%v: %v\n", store, err)
	}
	// Output:
	// get 6e -> absent
	// set 6e = 1:4bf5122f
	// get 6e -> 1:4bf5122f
	// set 6e = 1:dbc1b4c9
	// counts: 2 gets, 0 has, 2 sets, 0 deletes, 0 iterators, 0 nexts, 3 bytes read, 4 written
	// gas:    6129
	// store:  [6e = 02]
	// broken rules: <nil>
	// error at operation 1, get 6e: kvtest: injected fault
	// error at operation 2, set 6e: kvtest: injected fault
}

// A MemStore finds a buffer that is used twice, and what was read and kept for
// too long.
func ExampleMemStore() {
	s := kvtest.NewMemStore()
	key := []byte{1}
	_ = s.Set(key, []byte("one"))
	key[0] = 2 // the store's by now
	fmt.Println(s.Set(key, []byte("two")))

	v, _ := s.Get([]byte{1})
	_, _ = s.Has([]byte{2})
	fmt.Println("expired:", string(v) != "one")
	// Output:
	// kvtest: argument of an earlier set 01: slice that is not the caller's was changed
	// expired: true
}
