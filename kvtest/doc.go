// Package kvtest is a test kit for code that keeps its state in a Cosmos SDK
// key-value store: four stores, all of them a cosmossdk.io/core/store.KVStore.
//
//   - [MemStore] holds records in memory and is strict: what an SDK store
//     answers with a deadlock, a silent corruption or an avoidable write, it
//     answers with an error, and it remembers.
//   - [TraceStore] writes down every operation that passes, one line each, and
//     counts them: for golden files and for budgets.
//   - [FaultStore] lets the n-th operation fail: with an error, a panic, a
//     missing, cut or damaged value, an iterator that breaks off.
//   - [GasStore] charges the SDK's default gas for each operation and panics
//     when a limit is passed, as a store in a transaction does.
//
// The last three wrap any KVStore and stack in any order. A stack for a test
// usually reads, from the code under test down:
//
//	code under test → TraceStore → FaultStore → GasStore → MemStore
//
// # The story of a test
//
// Start with [Strict], which makes a MemStore and checks at the test's end that
// no rule was broken and no iterator is left open. Run the code. Wrap the store
// in a TraceStore to see, and pin, what it does; in a GasStore to see what that
// costs; and then in a FaultStore, once for every operation, to see that each
// failure comes out and leaves nothing behind:
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
// A key or value handed to a store belongs to the store from then on and must
// not be changed: the SDK's stores keep such slices, those of reads included,
// without a copy. A slice that a store returned is borrowed: a value from Get
// until the next call on the store, a key or value from an iterator until the
// iterator's next Next or Close. It may be read, not changed; a copy may be
// kept. MemStore finds breaches of both rules. The wrappers pass slices through
// untouched and keep none; where a FaultStore damages a value it damages a copy.
//
// # Concurrency
//
// A store of this package, with the iterators over it, is for one goroutine at
// a time. Nothing is shared between two stores, [MemStore.Clone] included.
package kvtest
