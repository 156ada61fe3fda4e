package kvtest

import (
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/core/store"
)

// memIterator walks a MemStore. It finds the next record by key, so a raw Put or
// Remove underneath does no harm.
type memIterator struct {
	s          *MemStore
	start, end []byte // the caller's
	low, high  string // copies of them
	reverse    bool
	cur        *record // nil past the last one
	key, value handout // of cur
	errs       []error // what a method found that has no error to return
	closed     bool

	lentStart, lentEnd *lent
}

var _ store.Iterator = (*memIterator)(nil)

func newMemIterator(s *MemStore, start, end []byte, reverse bool) *memIterator {
	it := &memIterator{s: s, start: start, end: end, low: string(start), high: string(end), reverse: reverse}
	switch {
	case !reverse:
		it.move(s.records.from(it.low))
	case end == nil:
		it.move(s.records.last())
	default:
		it.move(s.records.before(it.high))
	}
	return it
}

// move goes to r if it lies within the bounds.
func (it *memIterator) move(r *record) {
	it.cur = r
	if r != nil && (r.key < it.low || (it.end != nil && r.key >= it.high)) {
		it.cur = nil
	}
}

// String names the iterator in reports.
func (it *memIterator) String() string {
	start, end := it.start, it.end
	if start != nil {
		start = []byte(it.low)
	}
	if end != nil {
		end = []byte(it.high)
	}
	return describeRange(start, end, it.reverse)
}

// Domain returns the bounds as they were given.
func (it *memIterator) Domain() (start, end []byte) { return it.start, it.end }

// Valid tells whether the iterator is at a record.
func (it *memIterator) Valid() bool {
	if it.closed {
		it.keep(it.violate(OpValid, ErrIteratorClosed))
		return false
	}
	return it.cur != nil
}

// Next goes to the next record. It panics if the iterator is not valid.
func (it *memIterator) Next() {
	it.assertValid(OpNext)
	it.expire()
	if it.reverse {
		it.move(it.s.records.before(it.cur.key))
	} else {
		it.move(it.s.records.after(it.cur.key))
	}
}

// Key returns the record's key. It panics if the iterator is not valid.
func (it *memIterator) Key() []byte {
	it.assertValid(OpKey)
	return it.key.give(it.cur.key)
}

// Value returns the record's value. It panics if the iterator is not valid.
func (it *memIterator) Value() []byte {
	it.assertValid(OpValue)
	return it.value.give(it.cur.value)
}

// Error returns the violations that this iterator's other methods found. If there
// are none it returns nil or, behind the last record, the store's ExhaustedError.
func (it *memIterator) Error() error {
	if it.closed {
		it.keep(it.violate(OpError, ErrIteratorClosed))
	}
	if len(it.errs) == 0 && it.cur == nil {
		return it.s.ExhaustedError
	}
	return errors.Join(it.errs...)
}

// Close gives the iterator up. It returns what Error would, except the
// ExhaustedError.
func (it *memIterator) Close() error {
	if it.closed {
		return it.violate(OpClose, ErrIteratorClosed)
	}
	it.expire()
	it.closed, it.cur = true, nil
	it.s.iterators = slices.DeleteFunc(it.s.iterators, func(o *memIterator) bool { return o == it })
	return errors.Join(it.errs...)
}

// expire scrambles the key and the value that were handed out.
func (it *memIterator) expire() {
	if err := it.check(); err != nil {
		it.keep(err)
	}
	it.s.expired.add(it.key.expire())
	it.s.expired.add(it.value.expire())
}

// check reports changed slices: the key and the value that were handed out, the
// bounds, and the record as it was written.
func (it *memIterator) check() error {
	errs := []error{
		it.s.checkHandout(&it.key, "key", it),
		it.s.checkHandout(&it.value, "value", it),
		it.s.check(it.lentStart),
		it.s.check(it.lentEnd),
	}
	if it.cur != nil {
		errs = append(errs, it.s.check(it.cur.lentKey), it.s.check(it.cur.lentValue))
	}
	return errors.Join(errs...)
}

func (it *memIterator) assertValid(kind OpKind) {
	switch {
	case it.closed:
		panic(it.violate(kind, ErrIteratorClosed))
	case it.cur == nil:
		panic(it.violate(kind, ErrIteratorInvalid))
	}
}

func (it *memIterator) keep(err error) { it.errs = append(it.errs, err) }

func (it *memIterator) violate(kind OpKind, rule error) error {
	err := fmt.Errorf("kvtest: %v of %v: %w", kind, it, rule)
	it.s.violations = append(it.s.violations, err)
	return err
}

// describeRange names an iterator by its bounds; an open one shows as "..".
func describeRange(start, end []byte, reverse bool) string {
	bound := func(b []byte) string {
		if b == nil {
			return ".."
		}
		return fmt.Sprintf("%x", b)
	}
	name := "iter "
	if reverse {
		name = "iter reverse "
	}
	return name + "[" + bound(start) + ", " + bound(end) + ")"
}
