// Package kvtest is a test kit for code that keeps its state in a Cosmos SDK
// key-value store. It has four stores, each a cosmossdk.io/core/store.KVStore.
//
//   - [MemStore] holds records in memory and is strict. A mistake that an SDK
//     store answers with a deadlock, silent corruption or a needless write gets
//     an error here, and is remembered.
//   - [TraceStore] writes down every operation, one line each, and counts them.
//     It is for golden files and for budgets.
//   - [FaultStore] makes the n-th operation fail: with an error, a panic, a
//     missing, cut or damaged value, or an iterator that breaks off.
//   - [GasStore] charges the SDK's default gas for each operation. It panics
//     when a limit is passed, as a store in a transaction does.
//
// The last three wrap any KVStore, in any order. A usual stack, from the code
// under test down:
//
//	code under test → TraceStore → FaultStore → GasStore → MemStore
//
// # The story of a test
//
// Start with [Strict]. It makes a MemStore, and checks when the test ends that no
// rule was broken and no iterator is open. Run the code. Wrap the store in a
// TraceStore to see and to pin what the code does, and in a GasStore to see what
// that costs. Then wrap it in a FaultStore, once for every operation, to see that
// each failure comes out and leaves nothing behind:
//
//	for n := 1; ; n++ {
//		mem := start.Clone()
//		store := kvtest.NewFaultStore(mem, kvtest.Fault{At: n})
//		err := run(store)
//		if !store.Fired() {
//			break // fewer than n operations: all have had their turn
//		}
//		if !errors.Is(err, kvtest.ErrInjected) {
//			t.Errorf("%v: got %v", store, err)
//		}
//		kvtest.Finish(t, mem)
//	}
//
// # Bytes
//
// A key or value handed to a store belongs to the store from then on. Do not
// change it: the SDK's stores keep such slices without a copy, even the keys of
// reads. A slice that a store returned is borrowed: a value from Get until the
// next call on the store, a key or value from an iterator until the iterator's
// next Next or Close. Read it, or keep a copy, but do not change it. MemStore
// finds breaches of both rules. The wrappers pass slices through untouched and
// keep none. A FaultStore damages a copy.
//
// # Concurrency
//
// One goroutine at a time uses a store of this package and its iterators. Two
// stores share nothing, not even a [MemStore.Clone] and its origin.
package kvtest
