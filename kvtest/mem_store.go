package kvtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cosmossdk.io/core/store"
)

// MemStore is a strict key-value store in memory, ordered by key.
//
// # Rules
//
// It refuses, with an error that wraps the one named:
//
//   - a nil or empty key, or an empty bound ([ErrEmptyKey]); a key longer than
//     MaxKeyLength ([ErrKeyTooLong])
//   - a nil value ([ErrNilValue]) or an empty one ([ErrEmptyValue])
//   - a write that changes nothing: Set of the value that is there, Delete of an
//     absent key ([ErrUnchanged])
//   - a write while an iterator is open ([ErrIteratorOpen])
//   - Next, Key and Value of an iterator that is not valid
//     ([ErrIteratorInvalid]), and every use of a closed one, a second Close
//     included ([ErrIteratorClosed])
//   - a slice that the caller changed although it belongs to the store, whether
//     it was handed in or out ([ErrMutated])
//   - an argument that lies in a slice which the store handed out and which has
//     expired ([ErrExpired])
//
// A refused call does nothing else. Each violation is kept: Violations returns
// them, and [Finish] fails a test for them. A method without an error result
// panics with the violation if the caller broke the iterator's contract. If it
// finds a changed slice, it keeps the violation, and the iterator's Error and
// Close report it.
//
// # Bytes
//
// The store keeps keys and values that are handed in by reference, as the SDK's
// stores do, beside a copy of each. It compares the two when the record is used,
// during some calls after the slice came, and in Verify. It reads the copy. So
// one mistake is one violation, and the content stays what it was meant to be.
// It watches the keys of reads and the bounds of iterators in the same way, the
// last thousand of them.
//
// Slices that are handed out are fresh. They are scrambled when they expire: a
// value from Get at the next call on the store, key and value of an iterator at
// its next Next or Close. Calls on an iterator do not expire a value from Get.
//
// # Concurrency
//
// One goroutine at a time. The zero value is an empty store, ready for use.
type MemStore struct {
	// ExhaustedError is what an iterator's Error returns behind the last record.
	// The contract wants nil, which is the default. But the SDK's cachekv and
	// block-STM stores return an error there ("invalid cacheMergeIterator"): set
	// one to try code against that.
	ExhaustedError error

	records    table
	iterators  []*memIterator // the open ones, oldest first
	value      handout        // from the last Get
	lent       lentLog
	expired    expiredLog
	violations []error
}

var _ store.KVStore = (*MemStore)(nil)

// Pair is one record. The caller owns its slices.
type Pair struct{ Key, Value []byte }

// String returns the pair as one line of a dump: key and value in hex.
func (p Pair) String() string { return fmt.Sprintf("%x = %x", p.Key, p.Value) }

// NewMemStore returns an empty store.
func NewMemStore() *MemStore { return new(MemStore) }

// NewMemStoreFromPairs returns a store with copies of these records, in any order.
// No rule applies, as with Put. If several records have one key, the last stays.
func NewMemStoreFromPairs(pairs []Pair) *MemStore {
	s := NewMemStore()
	for _, p := range pairs {
		s.Put(p.Key, p.Value)
	}
	return s
}

// Get returns the value of key, nil if the key is absent. The slice expires at
// the next call on the store.
func (s *MemStore) Get(key []byte) ([]byte, error) {
	r, err := s.enter(OpGet, key)
	if r == nil || err != nil {
		return nil, err
	}
	return s.value.give(r.value), nil
}

// Has tells whether key is present.
func (s *MemStore) Has(key []byte) (bool, error) {
	r, err := s.enter(OpHas, key)
	return r != nil && err == nil, err
}

// Set writes a record. Both slices are the store's from here on.
func (s *MemStore) Set(key, value []byte) error {
	r, err := s.enter(OpSet, key, value)
	if err != nil {
		return err
	}
	switch {
	case value == nil:
		return s.violate(OpSet, key, ErrNilValue)
	case len(value) == 0:
		return s.violate(OpSet, key, ErrEmptyValue)
	case len(s.iterators) > 0:
		return s.violate(OpSet, key, ErrIteratorOpen)
	case r != nil && r.value == string(value):
		return s.violate(OpSet, key, ErrUnchanged)
	}
	lentKey, lentValue := s.lend(OpSet, key, key), s.lend(OpSet, key, value)
	s.records.put(&record{lentKey.want, lentValue.want, lentKey, lentValue})
	return nil
}

// Delete removes a record.
func (s *MemStore) Delete(key []byte) error {
	r, err := s.enter(OpDelete, key)
	switch {
	case err != nil:
		return err
	case len(s.iterators) > 0:
		return s.violate(OpDelete, key, ErrIteratorOpen)
	case r == nil:
		return s.violate(OpDelete, key, ErrUnchanged)
	}
	s.records.remove(r.key)
	return nil
}

// Iterator walks the records from start up to, but not including, end. A nil
// bound is open. With start at or above end the iterator is not valid.
func (s *MemStore) Iterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, false)
}

// ReverseIterator walks the same records as Iterator, backwards.
func (s *MemStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, true)
}

func (s *MemStore) iterator(start, end []byte, reverse bool) (store.Iterator, error) {
	if err := s.watch(OpIter, start, start, end); err != nil {
		return nil, err
	}
	if (start != nil && len(start) == 0) || (end != nil && len(end) == 0) {
		return nil, s.violate(OpIter, start, ErrEmptyKey)
	}
	it := newMemIterator(s, start, end, reverse)
	it.lentStart, it.lentEnd = s.lend(OpIter, start, start), s.lend(OpIter, start, end)
	s.iterators = append(s.iterators, it)
	return it, nil
}

// enter begins each call on a key: it lets old slices expire, finds changed ones,
// and checks and watches the key. It returns the record of the key, nil if there
// is none.
func (s *MemStore) enter(kind OpKind, key []byte, value ...[]byte) (*record, error) {
	if err := s.watch(kind, key, append(value, key)...); err != nil {
		return nil, err
	}
	switch {
	case len(key) == 0:
		return nil, s.violate(kind, key, ErrEmptyKey)
	case len(key) > MaxKeyLength:
		return nil, s.violate(kind, key[:16], ErrKeyTooLong)
	}
	if kind != OpSet { // Set lends both its slices, once it accepts them
		s.lend(kind, key, key)
	}
	r := s.records.get(string(key))
	if r == nil {
		return nil, nil
	}
	return r, errors.Join(s.check(r.lentKey), s.check(r.lentValue))
}

// watch finds slices of earlier calls that were changed, or that come back as an
// argument of this call after their time.
func (s *MemStore) watch(kind OpKind, key []byte, args ...[]byte) error {
	var errs []error
	errs = append(errs, s.checkHandout(&s.value, "value", OpGet))
	s.expired.add(s.value.expire())
	for _, arg := range args {
		if s.expired.holds(arg) {
			errs = append(errs, s.violate(kind, key, ErrExpired))
		}
	}
	s.lent.latest(recentLoans, func(l *lent) { errs = append(errs, s.check(l)) })
	return errors.Join(errs...)
}

// lend watches a slice of the caller's, an argument of the given call. It does not
// watch one that an open iterator handed out: that is fine as an argument, but it
// is not the caller's and will be scrambled.
func (s *MemStore) lend(kind OpKind, key, slice []byte) *lent {
	l := &lent{slice, string(slice), fmt.Sprintf("%v %x", kind, key)}
	for _, it := range s.iterators {
		if overlap(it.key.slice, slice) || overlap(it.value.slice, slice) {
			l.slice = nil
		}
	}
	_ = s.check(s.lent.add(l)) // the one that gives way has its last turn: kept, but no call to fail
	return l
}

// check reports a lent slice that was changed, once.
func (s *MemStore) check(l *lent) error {
	if !l.changed() {
		return nil
	}
	l.slice = nil
	return s.found(fmt.Errorf("kvtest: argument of an earlier %s: %w", l.op, ErrMutated))
}

// checkHandout reports a slice of the store's that was changed, once.
func (s *MemStore) checkHandout(h *handout, what string, from fmt.Stringer) error {
	if !h.changed() {
		return nil
	}
	h.want = string(h.slice)
	return s.found(fmt.Errorf("kvtest: %s from %v: %w", what, from, ErrMutated))
}

func (s *MemStore) violate(kind OpKind, key []byte, rule error) error {
	return s.found(fmt.Errorf("kvtest: %v %x: %w", kind, key, rule))
}

func (s *MemStore) found(violation error) error {
	s.violations = append(s.violations, violation)
	return violation
}

// Violations returns every violation so far, in order. Open iterators are not
// among them, and changed slices only once a call has found them: call Verify
// first, or [Finish] for everything.
func (s *MemStore) Violations() []error { return slices.Clone(s.violations) }

// ResetViolations forgets the violations so far, for a test that provokes some.
func (s *MemStore) ResetViolations() { s.violations = nil }

// OpenIterators returns how many iterators have not been closed.
func (s *MemStore) OpenIterators() int { return len(s.iterators) }

// Verify looks at every slice that the store watches, and returns an error for
// each one that was changed, joined. Each is a violation, and is reported once.
// Nothing expires.
func (s *MemStore) Verify() error {
	var errs []error
	s.records.all(func(r *record) { errs = append(errs, s.check(r.lentKey), s.check(r.lentValue)) })
	s.lent.latest(len(s.lent.ring), func(l *lent) { errs = append(errs, s.check(l)) })
	errs = append(errs, s.checkHandout(&s.value, "value", OpGet))
	for _, it := range s.iterators {
		errs = append(errs, it.check())
	}
	return errors.Join(errs...)
}

// Check returns what [Finish] would fail a test for, joined; nil if there is
// nothing.
func (s *MemStore) Check() error { return errors.Join(s.findings()...) }

// findings returns everything that is wrong with the store.
func (s *MemStore) findings() []error {
	_ = s.Verify() // adds to the violations
	errs := s.Violations()
	for _, it := range s.iterators {
		errs = append(errs, fmt.Errorf("kvtest: %v was left open: %w", it, ErrIteratorOpen))
	}
	return errs
}

// Put writes a record without any rule, even under an open iterator, unchanged, or
// with an empty key or value. It copies both slices. Use it to prepare a store, or
// to damage one.
func (s *MemStore) Put(key, value []byte) {
	s.records.put(&record{key: string(key), value: string(value)})
}

// Remove deletes a record if it is there, without any rule.
func (s *MemStore) Remove(key []byte) { s.records.remove(string(key)) }

// Peek returns a copy of a value, nil if the key is absent. No rule applies: it is
// not a call on the store, and nothing expires.
func (s *MemStore) Peek(key []byte) []byte {
	if r := s.records.get(string(key)); r != nil {
		return append([]byte{}, r.value...)
	}
	return nil
}

// Clone returns a store with the same records and the same ExhaustedError, but
// no violations and no iterators. It shares nothing with s.
func (s *MemStore) Clone() *MemStore {
	c := &MemStore{ExhaustedError: s.ExhaustedError}
	c.records.length = s.records.length
	c.records.chunks = make([][]*record, len(s.records.chunks))
	for i, chunk := range s.records.chunks {
		c.records.chunks[i] = make([]*record, len(chunk))
		for j, r := range chunk {
			c.records.chunks[i][j] = &record{key: r.key, value: r.value}
		}
	}
	return c
}

// Len returns the number of records.
func (s *MemStore) Len() int { return s.records.length }

// Bytes returns the sum of the lengths of all keys and values.
func (s *MemStore) Bytes() int {
	n := 0
	s.records.all(func(r *record) { n += len(r.key) + len(r.value) })
	return n
}

// Dump returns copies of all records in the order of their keys.
func (s *MemStore) Dump() []Pair {
	pairs := make([]Pair, 0, s.Len())
	s.records.all(func(r *record) { pairs = append(pairs, Pair{[]byte(r.key), []byte(r.value)}) })
	return pairs
}

// Equal tells whether both stores hold the same records.
func (s *MemStore) Equal(other *MemStore) bool { return s.Diff(other) == "" }

// Diff returns how other differs from s, one line for each record, in the order of
// the keys: "- key = value" for a record that only s has, "+ key = value" for one
// that only other has, and both for one whose value differs. It is "" for equal
// stores.
func (s *MemStore) Diff(other *MemStore) string {
	var b strings.Builder
	line := func(sign byte, r *record) { fmt.Fprintf(&b, "%c %x = %x\n", sign, r.key, r.value) }
	x, y := s.records.from(""), other.records.from("")
	for x != nil || y != nil {
		onlyX := y == nil || (x != nil && x.key < y.key)
		onlyY := x == nil || (y != nil && y.key < x.key)
		if x != nil && !onlyY && (onlyX || x.value != y.value) {
			line('-', x)
		}
		if y != nil && !onlyX && (onlyY || x.value != y.value) {
			line('+', y)
		}
		if !onlyY {
			x = s.records.after(x.key)
		}
		if !onlyX {
			y = other.records.after(y.key)
		}
	}
	return b.String()
}

// String returns all records in the order of their keys, one line each: key and
// value in hex.
func (s *MemStore) String() string {
	var b strings.Builder
	s.records.all(func(r *record) { fmt.Fprintf(&b, "%x = %x\n", r.key, r.value) })
	return b.String()
}
