//go:build cgo

package kvshard

import (
	"bytes"
	"iter"

	"cosmossdk.io/core/store"
)

// A Record is one record of a tree: what a key stands for and what the store has
// under it. Its slices are the caller's, who may keep and change them.
type Record struct {
	// Key is the key without the prefix of [WithPrefix].
	Key []byte
	// Value has the bytes that FORMAT.md describes. [Record.Shard],
	// [Record.Checkpoint] and [Record.Tip] read those of three kinds.
	Value []byte
}

// Name returns what the record's key stands for; the zero RecordName if that is none
// of a tree's keys, which [Tree.Check] reports.
func (r Record) Name() RecordName { return ParseRecordKey(r.Key) }

// Records yields every record of the tree that the store has, in the order of the
// keys. Of the options only [WithPrefix] and [WithObserver] matter. It yields what
// the store has in the tree's range of keys ([KeyRange]), also keys that are none of a
// tree's: their [Record.Name] is zero.
//
// An error is yielded with a zero Record, as the last step: [ErrStore] if the store
// failed (its own error is wrapped), [ErrInvalidArgument] for a bad option. A listing
// that ends without one was read to its end, as far as the store tells: it is safe
// with the iterators of cosmos-db, which report a failed read only when the iteration
// is over, and with those of the SDK, which report an error at every end. Values are
// not looked at: [Tree.Check] does that.
//
// One iterator is open while the loop runs; do not write to the store meanwhile. It is
// closed when the loop ends in whatever way: at its end, by break, or by a panic of
// the loop or the store, which passes through as it is. An error of closing it after a
// break is lost. Each range over the sequence reads anew.
//
// Cost: an iterator over all records, and a step for each that was yielded.
func Records(kv store.KVStore, opts ...Option) iter.Seq2[Record, error] {
	const op = "Records"
	o, err := apply(op, opts)
	if err != nil {
		return func(yield func(Record, error) bool) { yield(Record{}, err) }
	}
	start, end := KeyRange(o.prefix)
	return walk(op, kv, &o, start, end, func(key, value []byte) Record { return Record{key, value} })
}

// ReadRecord reads one record of the tree, and tells whether the store has it. Of the
// options only [WithPrefix] and [WithObserver] matter.
//
// A name of no kind is [ErrInvalidArgument], and so is a bad option; the store's
// error is [ErrStore]. A panic of the store passes through.
//
// Cost: one Get.
func ReadRecord(kv store.KVStore, name RecordName, opts ...Option) (r Record, found bool, err error) {
	const op = "ReadRecord"
	key := name.Key()
	if key == nil {
		return Record{}, false, invalidArgument(op, "the name is that of no record")
	}
	err = onStore(op, kv, opts, func(v *view) {
		var value []byte
		if value, found, _ = v.get(v.key(key)); found {
			r = Record{key, bytes.Clone(value)}
		}
	})
	return r, found, err
}

// WriteRecord writes a record of [Records] into a store, as it is. Of the options
// only [WithPrefix] and [WithObserver] matter. It is for those who move a whole tree:
// whoever writes records one by one makes a tree only if all of them are written, and
// calls [Tree.Check] then. The record's slices stay the caller's.
//
// A key that is none of a tree's and an empty value are [ErrInvalidArgument], and so
// is a bad option; the store's error is [ErrStore]. A panic of the store passes
// through.
//
// Cost: one Set.
func WriteRecord(kv store.KVStore, r Record, opts ...Option) error {
	const op = "WriteRecord"
	switch {
	case r.Name() == RecordName{}:
		return invalidArgument(op, "%x is no key of a tree", r.Key)
	case len(r.Value) == 0:
		return invalidArgument(op, "%s has no value: no record of a tree is empty", r.Name())
	}
	return onStore(op, kv, opts, func(v *view) { v.set(v.key(r.Key), bytes.Clone(r.Value)) })
}

// key returns a record's key as the store has it. The slice is fresh.
func (v *view) key(key []byte) []byte {
	return append(bytes.Clone(v.prefix), key...)
}

// onStore runs f, which opens no iterator, on the store.
func onStore(op string, kv store.KVStore, opts []Option, f func(*view)) error {
	o, err := apply(op, opts)
	if err != nil {
		return err
	}
	v := newView(op, kv, &o)
	f(v)
	return v.end(op, &o)
}

// newView returns the view of a call that the engine has no part in. Without a store it
// has failed already.
func newView(op string, kv store.KVStore, o *options) *view {
	v := &view{kv: kv, prefix: o.prefix, stats: Stats{Op: op}}
	if missing(kv) {
		v.failure = &Error{Kind: ErrStore, What: "it is nil"}
	}
	return v
}

// end tells the observer what was done, and returns the store's error.
func (v *view) end(op string, o *options) error {
	if o.observer != nil {
		o.observer(v.stats)
	}
	if v.failure == nil {
		return nil
	}
	v.failure.Op = op
	return v.failure
}

// An Entry is a key and its value in a store.
type Entry struct{ Key, Value []byte }

// Entries yields what a store has from start up to end, which is not included, in the
// order of the keys; a nil end is open, and so is a nil start. It is [Records] for
// keys that are not a tree's, such as a module's own beside it, and as safe: the error,
// the slices, the iterator and panics are as there.
//
// Cost: an iterator over the range, and a step for each entry that was yielded.
func Entries(kv store.KVStore, start, end []byte) iter.Seq2[Entry, error] {
	return walk("Entries", kv, &options{}, bound(start), bound(end), func(key, value []byte) Entry { return Entry{key, value} })
}

// walk yields the entries of a range, as made makes them of fresh slices, and last an
// error if there was one.
func walk[T any](op string, kv store.KVStore, o *options, start, end []byte, made func(key, value []byte) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		v := newView(op, kv, o)
		all := v.each(start, end, func(key, value []byte) bool { return yield(made(key, value), nil) })
		if v.panicked { // when the iterator was closed
			panic(v.panicValue)
		}
		if err := v.end(op, o); err != nil && all {
			var none T
			yield(none, err)
		}
	}
}
