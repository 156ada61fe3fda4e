//go:build cgo

package kvshard

import (
	"bytes"
	"iter"

	"cosmossdk.io/core/store"
)

// A Record is one record of a tree: a key, what it stands for, and the value that
// the store has under it. The caller owns its slices.
type Record struct {
	// Key is the key without the prefix of [WithPrefix].
	Key []byte
	// Value has the bytes that FORMAT.md describes. [Record.Shard],
	// [Record.Checkpoint] and [Record.Tip] read those of three kinds.
	Value []byte
}

// Name returns what the record's key stands for. It is the zero RecordName if the
// key is not one of a tree's; [Tree.Check] reports such a key.
func (r Record) Name() RecordName { return ParseRecordKey(r.Key) }

// Records yields every record that the store has in the tree's range of keys
// ([KeyRange]), in the order of the keys. Keys that are not a tree's are among
// them: their [Record.Name] is zero. Of the options only [WithPrefix] and
// [WithObserver] matter. Each range over the sequence reads anew.
//
// It is safe with iterators of all kinds: those of cosmos-db, which report a
// failed read only when the iteration is over, and those of the SDK, which report
// an error at every end. A listing that ends without an error was read to its end,
// as far as the store tells. Values are not checked; [Tree.Check] does that.
//
// One iterator is open while the loop runs: do not write to the store meanwhile.
// It is closed however the loop ends: at its end, by break, or by a panic of the
// loop or the store, which passes through. If closing it fails after a break, that
// error is lost.
//
// Errors: [ErrStore] if the store failed; [ErrInvalidArgument] for a bad option. An
// error is the last step of the sequence, and comes with a zero Record.
//
// Cost: 1 iterator over all records, and 1 step for each.
func Records(kv store.KVStore, opts ...Option) iter.Seq2[Record, error] {
	const op = "Records"
	o, err := apply(op, opts)
	if err != nil {
		return func(yield func(Record, error) bool) { yield(Record{}, err) }
	}
	start, end := KeyRange(o.prefix)
	return walk(op, kv, &o, start, end, func(key, value []byte) Record { return Record{key, value} })
}

// ReadRecord reads one record of the tree, and tells whether the store has it. Of
// the options only [WithPrefix] and [WithObserver] matter. If the store panics, so
// does ReadRecord.
//
// Errors: [ErrInvalidArgument] for a name of no kind, and for a bad option;
// [ErrStore] if the store failed.
//
// Cost: 1 get.
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

// WriteRecord writes a record of [Records] into a store, as it is. It is for moving
// a whole tree: the records make a tree only if all of them are written. Call
// [Tree.Check] afterwards. Of the options only [WithPrefix] and [WithObserver]
// matter. The record's slices stay the caller's. If the store panics, so does
// WriteRecord.
//
// Errors: [ErrInvalidArgument] for a key that is not one of a tree's, for an empty
// value, and for a bad option; [ErrStore] if the store failed.
//
// Cost: 1 set.
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

// Entries yields what a store has from start up to, but not including, end, in the
// order of the keys. A nil bound is open. It is [Records] for keys that are not a
// tree's, such as a module's own beside the tree, and as safe: what is said there
// of the iterator, the slices and panics holds here.
//
// Errors: [ErrStore], as the last step, with a zero Entry.
//
// Cost: 1 iterator over the range, and 1 step for each entry.
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
