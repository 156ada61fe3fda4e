package kvtest

import (
	"fmt"
	"slices"

	"cosmossdk.io/core/store"
)

// FaultMode says how an operation fails.
type FaultMode uint8

// The modes. Each mode counts only operations that it can affect, so every round
// of a loop over Fault.At injects a fault.
const (
	// FaultError makes an operation return Fault.Err. It counts every operation:
	// Get, Has, Set, Delete, Iterator, ReverseIterator, and an iterator's Valid,
	// Next, Key, Value, Error and Close, but not Domain.
	//
	// The operation does not reach the parent, except Close, which closes the
	// parent first. If an iterator's method without an error result fails, the
	// iterator has failed: Valid is false and Error returns Fault.Err from then
	// on; a Key or Value that fails returns nil. An iterator that fails behind
	// its last record looks like the SDK's cachekv iterators, which report an
	// error whenever they are exhausted. FaultBreak has no such case.
	FaultError FaultMode = iota
	// FaultPanic makes an operation panic with Fault.Panic. It counts what
	// FaultError counts. The operation does not reach the parent, except Close,
	// which closes the parent first: nobody can close it afterwards.
	FaultPanic
	// FaultNil makes a read return nothing: nil from Get, Key and Value, false
	// from Has. It counts reads that had something to return.
	FaultNil
	// FaultShort makes a read return only its first Fault.Arg bytes, modulo its
	// length. By default that is an empty slice which is not nil. It counts Get,
	// Key and Value that had at least one byte to return.
	FaultShort
	// FaultCorrupt makes a read return a value with one bit flipped: bit
	// Fault.Arg, modulo the number of bits; bit 0 is the lowest of the first
	// byte. It counts what FaultShort counts.
	FaultCorrupt
	// FaultBreak makes an iterator break off: it is no longer valid, and its
	// Error returns Fault.Err. It counts Iterator, ReverseIterator and Next that
	// reached a record. That record is the first one not seen.
	FaultBreak
	// FaultEnd makes an iterator end early, without an error. It counts what
	// FaultBreak counts.
	FaultEnd
)

var faultNames = [...]string{
	FaultError: "error", FaultPanic: "panic", FaultNil: "nil", FaultShort: "short",
	FaultCorrupt: "corrupt", FaultBreak: "break", FaultEnd: "end",
}

// String returns the mode's name in lower case.
func (m FaultMode) String() string {
	if int(m) >= len(faultNames) {
		return fmt.Sprintf("FaultMode(%d)", uint8(m))
	}
	return faultNames[m]
}

// Fault says which operation fails, and how.
type Fault struct {
	// At is the number of the operation, from 1, among those that Mode and
	// Match count. With 0 none fails: the store only counts.
	At   int
	Mode FaultMode
	// Err is the error of FaultError and FaultBreak; ErrInjected if nil.
	Err error
	// Panic is the value of FaultPanic; ErrInjected if nil.
	Panic any
	// Arg is the length for FaultShort, and the bit for FaultCorrupt.
	Arg int
	// Sticky makes all later counted operations fail too, as if the store were
	// gone. Otherwise the store works again after one fault, though an iterator
	// that has failed stays failed.
	Sticky bool
	// Match picks the operations to count; nil counts all. The key is the
	// operation's; for iterators and their methods it is the start of the range.
	// Match must not keep or change it.
	Match func(kind OpKind, key []byte) bool
}

// FaultStore passes operations to a parent and makes one of them fail.
//
// One goroutine at a time, as for the parent. Slices pass through untouched; a
// damaged slice is a copy.
type FaultStore struct {
	parent store.KVStore
	fault  Fault
	ops    int
	fired  string // the operation that failed first
}

var _ store.KVStore = (*FaultStore)(nil)

// NewFaultStore returns a store over parent in which this fault happens.
func NewFaultStore(parent store.KVStore, fault Fault) *FaultStore {
	if fault.Err == nil {
		fault.Err = ErrInjected
	}
	if fault.Panic == nil {
		fault.Panic = ErrInjected
	}
	return &FaultStore{parent: parent, fault: fault}
}

// Fired tells whether the fault has happened.
func (s *FaultStore) Fired() bool { return s.fired != "" }

// Ops returns how many operations were counted, including those that failed.
func (s *FaultStore) Ops() int { return s.ops }

// String says what happened, for a test's message: "panic at operation 3, set
// 0f00", or "no panic in 17 operations".
func (s *FaultStore) String() string {
	if !s.Fired() {
		return fmt.Sprintf("no %v in %d operations", s.fault.Mode, s.ops)
	}
	return fmt.Sprintf("%v at operation %d, %s", s.fault.Mode, s.fault.At, s.fired)
}

// hit counts an operation and tells whether it must fail.
func (s *FaultStore) hit(kind OpKind, key []byte) bool {
	if s.fault.Match != nil && !s.fault.Match(kind, key) {
		return false
	}
	s.ops++
	if s.fault.At < 1 || s.ops < s.fault.At || (s.ops > s.fault.At && !s.fault.Sticky) {
		return false
	}
	if !s.Fired() {
		s.fired = fmt.Sprintf("%v %x", kind, key)
	}
	return true
}

// fail is called before an operation. It returns an error or panics if the
// operation must fail in that way.
func (s *FaultStore) fail(kind OpKind, key []byte) error {
	switch s.fault.Mode {
	case FaultError:
		if s.hit(kind, key) {
			return s.fault.Err
		}
	case FaultPanic:
		if s.hit(kind, key) {
			panic(s.fault.Panic)
		}
	}
	return nil
}

// damage is called after a read. It returns what the caller gets instead of got.
func (s *FaultStore) damage(kind OpKind, key, got []byte) []byte {
	switch s.fault.Mode {
	case FaultNil:
		if got != nil && s.hit(kind, key) {
			return nil
		}
	case FaultShort:
		if len(got) > 0 && s.hit(kind, key) {
			return append([]byte{}, got[:modulo(s.fault.Arg, len(got))]...)
		}
	case FaultCorrupt:
		if len(got) > 0 && s.hit(kind, key) {
			bit := modulo(s.fault.Arg, 8*len(got))
			bad := slices.Clone(got)
			bad[bit/8] ^= 1 << (bit % 8)
			return bad
		}
	}
	return got
}

func modulo(a, n int) int { return ((a % n) + n) % n }

// Get passes the call on.
func (s *FaultStore) Get(key []byte) ([]byte, error) {
	if err := s.fail(OpGet, key); err != nil {
		return nil, err
	}
	value, err := s.parent.Get(key)
	if err != nil {
		return nil, err
	}
	return s.damage(OpGet, key, value), nil
}

// Has passes the call on.
func (s *FaultStore) Has(key []byte) (bool, error) {
	if err := s.fail(OpHas, key); err != nil {
		return false, err
	}
	found, err := s.parent.Has(key)
	if found && s.fault.Mode == FaultNil && s.hit(OpHas, key) {
		found = false
	}
	return found, err
}

// Set passes the call on.
func (s *FaultStore) Set(key, value []byte) error {
	if err := s.fail(OpSet, key); err != nil {
		return err
	}
	return s.parent.Set(key, value)
}

// Delete passes the call on.
func (s *FaultStore) Delete(key []byte) error {
	if err := s.fail(OpDelete, key); err != nil {
		return err
	}
	return s.parent.Delete(key)
}

// Iterator passes the call on. Each method of the iterator is an operation of its
// own.
func (s *FaultStore) Iterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, s.parent.Iterator)
}

// ReverseIterator does as Iterator does.
func (s *FaultStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, s.parent.ReverseIterator)
}

func (s *FaultStore) iterator(start, end []byte, open openFunc) (store.Iterator, error) {
	if err := s.fail(OpIter, start); err != nil {
		return nil, err
	}
	parent, err := open(start, end)
	if err != nil {
		return nil, err
	}
	it := &faultIterator{parent: parent, s: s, start: start}
	it.breakOff(OpIter)
	return it, nil
}

type faultIterator struct {
	parent store.Iterator
	s      *FaultStore
	start  []byte
	over   bool  // failed, broken off or ended: the parent is no longer asked
	told   bool  // the caller could know: Valid would have said so before this call
	err    error // what Error says then
}

var _ store.Iterator = (*faultIterator)(nil)

func (it *faultIterator) Domain() (start, end []byte) { return it.parent.Domain() }

func (it *faultIterator) Valid() bool {
	if err := it.s.fail(OpValid, it.start); err != nil {
		it.giveUp(err)
	}
	it.told = it.told || it.over
	return !it.over && it.parent.Valid()
}

func (it *faultIterator) Next() {
	err := it.s.fail(OpNext, it.start)
	it.assertUsable()
	switch {
	case err != nil:
		it.giveUp(err)
	case !it.over:
		it.parent.Next()
		it.breakOff(OpNext)
	}
	it.told = it.over
}

func (it *faultIterator) Key() []byte { return it.read(OpKey, it.parent.Key) }

func (it *faultIterator) Value() []byte { return it.read(OpValue, it.parent.Value) }

func (it *faultIterator) read(kind OpKind, parent func() []byte) []byte {
	err := it.s.fail(kind, it.start)
	it.assertUsable()
	if err != nil {
		it.giveUp(err)
	}
	if it.over {
		return nil
	}
	return it.s.damage(kind, it.start, parent())
}

func (it *faultIterator) Error() error {
	if err := it.s.fail(OpError, it.start); err != nil {
		it.giveUp(err)
	}
	if it.over {
		return it.err
	}
	return it.parent.Error()
}

func (it *faultIterator) Close() error {
	// The parent comes first: a panic before would leave it open for good.
	err := it.parent.Close()
	if fault := it.s.fail(OpClose, it.start); fault != nil {
		return fault
	}
	return err
}

// giveUp makes the iterator a failed one.
func (it *faultIterator) giveUp(err error) { it.over, it.err = true, err }

// breakOff ends the iterator early, if the operation that has just reached a
// record must fail in that way.
func (it *faultIterator) breakOff(kind OpKind) {
	mode := it.s.fault.Mode
	if (mode != FaultBreak && mode != FaultEnd) || !it.parent.Valid() || !it.s.hit(kind, it.start) {
		return
	}
	it.over, it.told = true, true
	if mode == FaultBreak {
		it.err = it.s.fault.Err
	}
}

// assertUsable panics, as iterators do, if the caller goes on although the iterator
// told that it is over.
func (it *faultIterator) assertUsable() {
	if it.over && it.told {
		panic(fmt.Errorf("kvtest: %w: it failed before", ErrIteratorInvalid))
	}
}
