package kvtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"cosmossdk.io/core/store"
)

// TraceStore passes every operation to a parent and writes it down.
//
// It makes no call of its own: it notes where an iterator stands only when the
// caller asks the iterator. So a trace changes no other store's counts, and shows
// what was used.
//
// # Format
//
// One line for each operation, made for golden files. Bytes are in hex; a value is
// shown by its length and the first 4 bytes of its SHA-256:
//
//	get 10 -> 37:3a7f12c0
//	get 1200000009 -> absent
//	has 10 -> true
//	set 10 = 37:5be0cd19
//	delete 1200000009
//	iter#1 [11, 12) -> 1100000005 = 17:9b05688c
//	next#1 -> 1100000006
//	next#1 -> end
//	close#1
//	iter#2 reverse [.., 12)
//	get 10 -> error: disk on fire
//	set 10 = 37:5be0cd19 -> panic
//
// Iterators are numbered from 1. Behind iter and next stands what the caller read
// there: the key, the value or both ("next#1 -> ? = 17:9b05688c" for a value
// alone), or "end" if it saw that the iterator is not valid; and what the
// iterator's Error returned. A panic is noted, and goes on.
//
// # Concurrency
//
// One goroutine at a time, as for the parent. All slices pass through untouched;
// the trace keeps copies.
type TraceStore struct {
	parent store.KVStore
	off    bool
	ops    []*Op
	iters  int
	counts Counts
}

var _ store.KVStore = (*TraceStore)(nil)

// Op is one line of a trace.
type Op struct {
	Kind OpKind // OpGet to OpClose
	Iter int    // the iterator's number, from 1; 0 for an operation on no iterator

	// The bounds of an OpIter, nil for an open end, and its direction.
	Start, End []byte
	Reverse    bool

	// Key is the key that the caller gave, or read from an iterator; nil if it
	// did not read it.
	Key []byte
	// Found: a value was found (OpGet), the key is there (OpHas).
	Found bool
	// HasValue: a value was returned, written, or read from an iterator;
	// ValueLen and ValueSum, the first bytes of its SHA-256, describe it.
	HasValue bool
	ValueLen int
	ValueSum [4]byte
	// AtEnd: the caller saw that the iterator is not valid (OpIter, OpNext).
	AtEnd bool

	Err      error // what was returned, or what the iterator's Error said here
	Panicked bool
}

// NewTraceStore returns a store that records all that goes to parent.
func NewTraceStore(parent store.KVStore) *TraceStore { return &TraceStore{parent: parent} }

// Record turns the record of operations on or off; at first it is on. The counts go
// on in any case, so a long run can be counted in little memory.
func (s *TraceStore) Record(on bool) { s.off = !on }

// Trace returns the operations so far. Their bytes are the trace's: do not
// change them.
func (s *TraceStore) Trace() []Op {
	ops := make([]Op, len(s.ops))
	for i, op := range s.ops {
		ops[i] = *op
	}
	return ops
}

// Counts returns the figures so far.
func (s *TraceStore) Counts() Counts { return s.counts }

// Reset forgets the operations and the figures, and numbers iterators from 1
// again.
func (s *TraceStore) Reset() { s.ops, s.iters, s.counts = nil, 0, Counts{} }

// String returns the trace, each line with its line feed.
func (s *TraceStore) String() string {
	var b strings.Builder
	for _, op := range s.ops {
		b.WriteString(op.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// begin writes an operation down before it runs, as one that panics. An operation
// that runs to its end clears that.
func (s *TraceStore) begin(op Op) *Op {
	op.Panicked = true
	if !s.off {
		op.Key, op.Start, op.End = slices.Clone(op.Key), slices.Clone(op.Start), slices.Clone(op.End)
		s.ops = append(s.ops, &op)
	}
	return &op
}

func (op *Op) end(err error) { op.Panicked, op.Err = false, err }

// note describes a value, if operations are recorded.
func (s *TraceStore) note(op *Op, value []byte) {
	if s.off {
		return
	}
	sum := sha256.Sum256(value)
	op.HasValue, op.ValueLen, op.ValueSum = true, len(value), [4]byte(sum[:])
}

// Get passes the call on.
func (s *TraceStore) Get(key []byte) ([]byte, error) {
	s.counts.Gets++
	op := s.begin(Op{Kind: OpGet, Key: key})
	value, err := s.parent.Get(key)
	op.end(err)
	if err == nil {
		s.counts.BytesRead += uint64(len(key) + len(value))
	}
	if value != nil {
		op.Found = true
		s.note(op, value)
	}
	return value, err
}

// Has passes the call on.
func (s *TraceStore) Has(key []byte) (bool, error) {
	s.counts.Has++
	op := s.begin(Op{Kind: OpHas, Key: key})
	found, err := s.parent.Has(key)
	op.end(err)
	op.Found = found
	return found, err
}

// Set passes the call on.
func (s *TraceStore) Set(key, value []byte) error {
	s.counts.Sets++
	op := s.begin(Op{Kind: OpSet, Key: key})
	s.note(op, value)
	err := s.parent.Set(key, value)
	op.end(err)
	if err == nil {
		s.counts.BytesWritten += uint64(len(key) + len(value))
	}
	return err
}

// Delete passes the call on.
func (s *TraceStore) Delete(key []byte) error {
	s.counts.Deletes++
	op := s.begin(Op{Kind: OpDelete, Key: key})
	err := s.parent.Delete(key)
	op.end(err)
	return err
}

// Iterator passes the call on and returns an iterator that is traced too.
func (s *TraceStore) Iterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, false, s.parent.Iterator)
}

// ReverseIterator does as Iterator does.
func (s *TraceStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	return s.iterator(start, end, true, s.parent.ReverseIterator)
}

func (s *TraceStore) iterator(start, end []byte, reverse bool, open openFunc) (store.Iterator, error) {
	s.counts.IterCreates++
	s.iters++
	op := s.begin(Op{Kind: OpIter, Iter: s.iters, Start: start, End: end, Reverse: reverse})
	parent, err := open(start, end)
	op.end(err)
	if err != nil {
		return nil, err
	}
	return &traceIterator{s: s, parent: parent, number: s.iters, op: op}, nil
}

// openFunc is Iterator or ReverseIterator of a store.
type openFunc = func(start, end []byte) (store.Iterator, error)

type traceIterator struct {
	s      *TraceStore
	parent store.Iterator
	number int
	op     *Op // the one that led to where the iterator stands

	keyRead, valueRead bool // there
}

var _ store.Iterator = (*traceIterator)(nil)

func (it *traceIterator) Domain() (start, end []byte) { return it.parent.Domain() }

func (it *traceIterator) Valid() bool {
	done := it.look()
	valid := it.parent.Valid()
	done()
	it.op.AtEnd = it.op.AtEnd || !valid
	return valid
}

func (it *traceIterator) Next() {
	it.s.counts.IterNexts++
	it.op = it.s.begin(Op{Kind: OpNext, Iter: it.number})
	it.keyRead, it.valueRead = false, false
	it.parent.Next()
	it.op.end(nil)
}

func (it *traceIterator) Key() []byte {
	done := it.look()
	key := it.parent.Key()
	done()
	if !it.keyRead {
		it.keyRead = true
		it.s.counts.BytesRead += uint64(len(key))
		it.op.Key = append([]byte{}, key...)
	}
	return key
}

func (it *traceIterator) Value() []byte {
	done := it.look()
	value := it.parent.Value()
	done()
	if !it.valueRead {
		it.valueRead = true
		it.s.counts.BytesRead += uint64(len(value))
		it.s.note(it.op, value)
	}
	return value
}

func (it *traceIterator) Error() error {
	done := it.look()
	err := it.parent.Error()
	done()
	if err != nil {
		it.op.Err = err
	}
	return err
}

func (it *traceIterator) Close() error {
	op := it.s.begin(Op{Kind: OpClose, Iter: it.number})
	err := it.parent.Close()
	op.end(err)
	return err
}

// look notes a panic at the iterator's place, unless the function it returns is
// called.
func (it *traceIterator) look() (done func()) {
	op, before := it.op, it.op.Panicked
	op.Panicked = true
	return func() { op.Panicked = before }
}

// String returns the operation as a line of a trace, without a line feed.
func (op Op) String() string {
	var b strings.Builder
	value := func() string {
		if !op.HasValue {
			return ""
		}
		return fmt.Sprintf(" = %d:%x", op.ValueLen, op.ValueSum)
	}
	var results []string
	switch op.Kind {
	case OpIter, OpNext, OpClose:
		fmt.Fprintf(&b, "%v#%d", op.Kind, op.Iter)
		if op.Kind == OpIter {
			b.WriteString(strings.TrimPrefix(describeRange(op.Start, op.End, op.Reverse), "iter"))
		}
		switch {
		case op.Key != nil:
			results = append(results, fmt.Sprintf("%x%s", op.Key, value()))
		case op.HasValue:
			results = append(results, "?"+value())
		}
		if op.AtEnd {
			results = append(results, "end")
		}
	default:
		fmt.Fprintf(&b, "%v %x", op.Kind, op.Key)
		failed := op.Err != nil || op.Panicked
		switch {
		case op.Kind == OpSet:
			b.WriteString(value())
		case op.Kind == OpHas && !failed:
			results = append(results, fmt.Sprint(op.Found))
		case op.Kind == OpGet && op.HasValue:
			results = append(results, strings.TrimPrefix(value(), " = "))
		case op.Kind == OpGet && !failed:
			results = append(results, "absent")
		}
	}
	if op.Err != nil {
		results = append(results, "error: "+op.Err.Error())
	}
	if op.Panicked {
		results = append(results, "panic")
	}
	if len(results) > 0 {
		b.WriteString(" -> " + strings.Join(results, ", "))
	}
	return b.String()
}
