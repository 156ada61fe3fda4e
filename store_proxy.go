//go:build cgo

package kvshard

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime/cgo"

	"cosmossdk.io/core/store"
)

// A StoreProxy is the store that the engine's callbacks reach. A keeper that
// lives as long as the application puts the store of each context there:
//
//	proxy.SetStore(storeService.OpenKVStore(ctx))
//	root, err := tree.Root()
//
// It holds a reference to the store, and nothing of its content.
//
// Concurrency: none. SetStore and the calls of the Trees over one proxy must not
// overlap. If calls run in parallel (queries beside a block, block-STM), give
// each its own Tree with [Open].
type StoreProxy struct {
	kv store.KVStore
}

// NewStoreProxy returns a proxy for the store. The store may be nil until
// [StoreProxy.SetStore]; a call that finds it nil returns an error that wraps
// [ErrStore].
func NewStoreProxy(kv store.KVStore) *StoreProxy {
	return &StoreProxy{kv: kv}
}

// SetStore replaces the store. It does not touch either store: the next call
// reads what it needs from the new one. With a nil store, calls fail with
// [ErrStore]. On a nil proxy SetStore does nothing; no Tree has one, because
// [New] refuses it.
func (p *StoreProxy) SetStore(kv store.KVStore) {
	if p != nil {
		p.kv = kv
	}
}

// missing tells whether there is no store: a nil interface, or a nil pointer in
// one, which would only panic at the first operation.
func missing(kv store.KVStore) bool {
	if kv == nil {
		return true
	}
	switch v := reflect.ValueOf(kv); v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return v.IsNil()
	default:
		return false
	}
}

// A view is what one call sees of a store: the store behind a prefix, the
// iterators that are open, the first failure, and the counts.
//
// After the first failure it does not touch the store again: every further
// operation fails at once. So a failure that cannot be reported (when an iterator
// is closed) still stops the call before it writes.
type view struct {
	kv      store.KVStore
	prefix  []byte
	combine combineFunc // the scheme's Hasher, nil if the hash is built in

	open  []*viewIterator
	stats Stats

	failure    *Error // the first error of the store, nil if none
	panicked   bool
	panicValue any // of the first panic of the store
}

func (v *view) failed() bool { return v.panicked || v.failure != nil }

// fail keeps the first failure: op is the operation on the store, key is as
// the store sees it, err is the store's own error.
func (v *view) fail(op string, key []byte, err error) {
	if !v.failed() {
		v.failure = &Error{Kind: ErrStore, StoreOp: op, Key: bytes.Clone(key), Err: err}
	}
}

// keepPanic keeps the first panic. A panic after an error counts more than the
// error; only closing an iterator can cause one.
func (v *view) keepPanic(value any) {
	if !v.panicked {
		v.panicked, v.panicValue = true, value
	}
}

// get reads a key, which has the prefix. A store answers nil for "absent"; an
// empty value that is not nil is a value.
func (v *view) get(key []byte) (value []byte, found, ok bool) {
	if v.failed() {
		return nil, false, false
	}
	v.stats.Gets++
	v.stats.BytesRead += uint64(len(key))
	value, err := v.kv.Get(key)
	if err != nil {
		v.fail("get", key, err)
		return nil, false, false
	}
	v.stats.BytesRead += uint64(len(value))
	return value, value != nil, true
}

// set writes a key, which has the prefix. The store owns key and value.
func (v *view) set(key, value []byte) (ok bool) {
	if v.failed() {
		return false
	}
	v.stats.Sets++
	v.stats.BytesWritten += uint64(len(key) + len(value))
	if err := v.kv.Set(key, value); err != nil {
		v.fail("set", key, err)
		return false
	}
	return true
}

// delete removes a key, which has the prefix. The store owns key.
func (v *view) delete(key []byte) (ok bool) {
	if v.failed() {
		return false
	}
	v.stats.Deletes++
	if err := v.kv.Delete(key); err != nil {
		v.fail("delete", key, err)
		return false
	}
	return true
}

// A combineFunc hashes nodes of 32 bytes in pairs: scheme.Scheme.Combine.
type combineFunc func(level int, children, parents []byte) error

// hash lets the scheme's Hasher combine the children, and returns the parents. The
// Hasher owns the children from here on.
func (v *view) hash(level int, children []byte) (parents []byte, ok bool) {
	if v.failed() {
		return nil, false
	}
	v.stats.HasherCalls++
	parents = make([]byte, len(children)/2)
	if err := v.combine(level, children, parents); err != nil {
		what := fmt.Sprintf("%d pairs at level %d", len(parents)/len(Node{}), level)
		v.failure = &Error{Kind: ErrHasher, What: what, Err: err}
		return nil, false
	}
	return parents, true
}

// iterate opens an iterator over all keys that begin with prefix, which
// itself begins with the tree's. It returns nil if the store failed.
func (v *view) iterate(prefix []byte, reverse bool) *viewIterator {
	return v.iterateRange(prefix, prefixEnd(prefix), reverse)
}

// iterateRange opens an iterator over the keys from start up to, but not
// including, end. All of them begin with the tree's prefix; an open end is empty.
// It returns nil if the store failed.
func (v *view) iterateRange(start, end []byte, reverse bool) *viewIterator {
	if v.failed() {
		return nil
	}
	create, op := v.kv.Iterator, "iterator"
	if reverse {
		create, op = v.kv.ReverseIterator, "reverse iterator"
	}
	v.stats.IterCreates++
	source, err := create(bound(start), bound(end))
	if err == nil && source == nil {
		err = errors.New("the store returned neither an iterator nor an error")
	}
	if err != nil {
		v.fail(op, start, err)
		return nil
	}
	it := &viewIterator{view: v, source: source, start: start, end: end}
	v.open = append(v.open, it)
	return it
}

// bound returns a fresh bound of an iterator. An open end is nil: stores refuse one
// that is empty but not nil.
func bound(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	return bytes.Clone(key)
}

// each opens an iterator over a range and hands its entries to f, in order, until f
// returns false. The slices are fresh, and the keys are without the tree's prefix.
// The iterator is closed when each returns, and when the store or f panics. It tells
// whether f wanted all entries. A failure is in the view.
func (v *view) each(start, end []byte, f func(key, value []byte) bool) (all bool) {
	defer v.close()
	it := v.iterateRange(start, end, false)
	if it == nil {
		return true
	}
	var last []byte
	for first := true; ; first = false {
		key, value, found, ok := it.next()
		if !ok || !found {
			return true
		}
		if !first && bytes.Compare(last, key) >= 0 {
			v.fail("iterate", it.start, fmt.Errorf("the store's iterator is out of order: it has %x after %x", key, last))
			return true
		}
		last = append(last[:0], key...)
		if !f(bytes.Clone(key), bytes.Clone(value)) {
			return false
		}
	}
}

// close closes the iterators that the engine left open, which happens when it
// panicked. If closing one panics, the others are closed all the same.
func (v *view) close() {
	for len(v.open) > 0 {
		it := v.open[len(v.open)-1]
		func() {
			done := false
			defer func() {
				if !done {
					v.keepPanic(recover())
				}
			}()
			it.close()
			done = true
		}()
	}
}

// A viewIterator is an iterator of one call. It advances only when it is asked for
// another entry. So a listing that knows its length never pays for the step behind
// the last entry.
type viewIterator struct {
	view   *view
	source store.Iterator
	start  []byte     // of the range, with the tree's prefix; empty if it is open
	end    []byte     // which is not in the range
	handle cgo.Handle // the engine's name for it, 0 if it never had one

	started bool
	done    bool
}

// next returns the following entry, its key without the tree's prefix. The
// slices are the store's and valid until the next operation.
func (it *viewIterator) next() (key, value []byte, found, ok bool) {
	v := it.view
	if v.failed() {
		return nil, nil, false, false
	}
	if it.done {
		return nil, nil, false, true
	}
	if it.started {
		v.stats.IterNexts++
		it.source.Next()
	}
	it.started = true

	valid := it.source.Valid()
	if valid {
		// Before Error: a database may read the entry only now (pebble does so
		// with long values), and fail at it.
		key, value = it.source.Key(), it.source.Value()
	}
	if err := it.source.Error(); err != nil && (valid || !endOfIteration(err)) {
		v.fail("iterate", it.start, err)
		return nil, nil, false, false
	}
	if !valid {
		it.done = true
		return nil, nil, false, true
	}
	if bytes.Compare(key, it.start) < 0 || len(it.end) > 0 && bytes.Compare(key, it.end) >= 0 {
		v.fail("iterate", key, fmt.Errorf("the store's iterator left its range, from %x up to %x", it.start, it.end))
		return nil, nil, false, false
	}
	v.stats.BytesRead += uint64(len(key) + len(value))
	return key[len(v.prefix):], value, true, true
}

// close closes the iterator. It forgets the iterator first, so a panic or an error
// of the store's Close cannot make it close twice.
func (it *viewIterator) close() {
	v := it.view
	for i, open := range v.open {
		if open == it {
			v.open = append(v.open[:i], v.open[i+1:]...)
			break
		}
	}
	if it.handle != 0 {
		it.handle.Delete()
		it.handle = 0
	}
	if err := it.source.Close(); err != nil {
		v.fail("close iterator", it.start, err)
	}
}

// endOfIteration tells whether the error of an iterator that is no longer valid
// says only that: the iterator came to its end.
//
// When a read fails, cosmos-db's iterators over a database (goleveldb, pebble)
// become invalid and report that error. So Error must be read when an iteration
// ends, or a failed listing looks like a short one. But the SDK's own iterators
// report an error of their own whenever they are invalid, even at the regular end,
// and gaskv passes it on:
//
//	store/v2/cachekv/internal/mergeiterator.go, internal/blockstm/mergeiterator.go
//	store/v2/prefix/store.go
//	store/v2/internal/btree/memiterator.go, internal/blockstm/tree/btreeiterator.go
//
// These are plain errors.New values without a type. Only their exact text tells
// them apart; every other error is a failure. If the database below a cachekv
// fails, cachekv itself takes that for the end, and nothing here can see it.
// Therefore the engine also counts what a listing must contain.
func endOfIteration(err error) bool {
	switch err.Error() {
	case "invalid cacheMergeIterator", "invalid prefixIterator", "invalid memIterator":
		return true
	default:
		return false
	}
}

// prefixEnd returns the first key behind all keys that begin with prefix. It is nil
// if there is none, because the prefix is empty or all 0xFF. The slice is fresh.
func prefixEnd(prefix []byte) []byte {
	for n := len(prefix); n > 0; n-- {
		if prefix[n-1] != 0xFF {
			end := bytes.Clone(prefix[:n])
			end[n-1]++
			return end
		}
	}
	return nil
}
