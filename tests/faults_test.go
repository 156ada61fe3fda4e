package tests

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// An oddity is a panic value that is no error and no string, and cannot be
// compared by content.
type oddity struct{ _ byte }

// errDisk is the store's own error.
var errDisk = &treetest.DiskError{Sector: 7}

// faults are the ways in which an operation fails, and the outcome that a step
// may have then. Each is tried at every operation of every step of every script.
var faults = []struct {
	name  string
	fault kvtest.Fault
	judge func(s faultedStep) string // what is wrong with the outcome; "" if nothing is
}{
	{"error", kvtest.Fault{Mode: kvtest.FaultError, Err: errDisk}, faultedStep.storeError},
	{"error from then on", kvtest.Fault{Mode: kvtest.FaultError, Err: errDisk, Sticky: true}, faultedStep.storeError},
	{"out of gas", kvtest.Fault{Mode: kvtest.FaultPanic, Panic: kvtest.ErrorOutOfGas{Descriptor: "ReadFlat"}}, faultedStep.samePanic},
	{"odd panic", kvtest.Fault{Mode: kvtest.FaultPanic, Panic: &oddity{}}, faultedStep.samePanic},
	{"iterator breaks off", kvtest.Fault{Mode: kvtest.FaultBreak, Err: errDisk}, faultedStep.storeError},
	{"iterator ends early", kvtest.Fault{Mode: kvtest.FaultEnd}, faultedStep.detected},
	{"nothing is read", kvtest.Fault{Mode: kvtest.FaultNil}, faultedStep.noHarm},
	{"an empty value is read", kvtest.Fault{Mode: kvtest.FaultShort}, faultedStep.detected},
	{"a value is cut", kvtest.Fault{Mode: kvtest.FaultShort, Arg: -1}, faultedStep.detected},
	{"a value is cut after 9 bytes", kvtest.Fault{Mode: kvtest.FaultShort, Arg: 9}, faultedStep.detected},
}

// A faultedStep is the outcome of a step in which an operation failed.
type faultedStep struct {
	name     string
	fault    kvtest.Fault
	failed   kvtest.OpKind
	after    int // operations after the one that failed
	result   string
	err      error
	panicked bool
	value    any
	same     bool // result and store are the same as without the fault
}

// storeError: the store's own error comes out, whatever it passed through.
func (s faultedStep) storeError() string {
	var own *treetest.DiskError
	var e *kvshard.Error
	switch {
	case s.panicked:
		return fmt.Sprintf("panic %v", s.value)
	case !errors.Is(s.err, errDisk) || !errors.As(s.err, &own) || own != errDisk || !errors.Is(s.err, kvshard.ErrStore):
		return fmt.Sprintf("%q, %v; want the store's own error", s.result, s.err)
	case !errors.As(s.err, &e) || e.Key == nil || e.What != "" || !slices.Contains(s.operations(), e.StoreOp):
		return fmt.Sprintf("%#v; want the operation and its key", s.err)
	case s.name != e.Op && !strings.HasPrefix(s.name, e.Op+"("):
		return fmt.Sprintf("%#v; want the call, which is %s", s.err, s.name)
	case s.after > 0:
		return fmt.Sprintf("%d operations after the failure", s.after)
	}
	return ""
}

// operations are the names that an error may give to the failed operation.
func (s faultedStep) operations() []string {
	switch {
	case s.fault.Mode == kvtest.FaultBreak:
		return []string{"iterate"}
	case s.failed == kvtest.OpIter:
		return []string{"iterator", "reverse iterator"}
	case s.failed == kvtest.OpClose:
		return []string{"close iterator"}
	case s.failed > kvtest.OpIter:
		return []string{"iterate"}
	}
	return []string{s.failed.String()}
}

// samePanic: the store's own value comes out, the very same one.
func (s faultedStep) samePanic() string {
	if !s.panicked || s.value != s.fault.Panic {
		return fmt.Sprintf("%q, %v, panic %v; want the store's own panic", s.result, s.err, s.value)
	}
	if s.after > 0 {
		return fmt.Sprintf("%d operations after the panic", s.after)
	}
	return ""
}

// detected: the call finds that the store said something wrong, or still gives
// the right result.
func (s faultedStep) detected() string {
	if wrong := s.noHarm(); wrong != "" {
		return wrong
	}
	if s.err == nil && !s.same && s.name != "Dump" { // Dump shows what is there
		return fmt.Sprintf("%q and a store that is not the right one, without an error", s.result)
	}
	return ""
}

// noHarm: the call returns, and an error that it returns is a typed one. It can
// do no more about a store that says a record is not there: a tree without a tip
// is an empty tree.
func (s faultedStep) noHarm() string {
	if s.panicked {
		return fmt.Sprintf("panic %v", s.value)
	}
	var e *kvshard.Error
	var v *kvshard.Violation
	if s.err != nil && !errors.As(s.err, &e) && !errors.As(s.err, &v) {
		return fmt.Sprintf("%v is not an *Error", s.err)
	}
	if errors.Is(s.err, kvshard.ErrInternal) {
		return s.err.Error()
	}
	if (errors.Is(s.err, kvshard.ErrCorrupt) || errors.Is(s.err, kvshard.ErrUnsupportedVersion)) && e != nil && e.Key == nil {
		return fmt.Sprintf("%v names no key", s.err)
	}
	return ""
}

// TestEveryOperationFails makes each operation of each step of the scripts fail
// in each way. The outcome is one that the way of failing allows. No iterator
// and no handle is left. A step that failed before its first write changed
// nothing. On the starting store the step then does what it did before.
func TestEveryOperationFails(t *testing.T) {
	stride, tried := 1, 0
	if testing.Short() {
		stride = 7 // under the race detector: one operation in 7
	}
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			treetest.ExpectNoHandles(t)
			mem := kvtest.NewMemStore()
			for i, step := range s.steps {
				before := mem.Clone()
				trace := kvtest.NewTraceStore(mem)
				want := outcome(step.run(treetest.Open(t, trace, s.opts...)))
				if failed := mem.Check(); failed != nil {
					t.Fatal(failed)
				}
				for _, f := range faults {
					what := fmt.Sprintf("step %d, %s, %s", i, step.name, f.name)
					last := countOps(t, s, step, before, f.fault)
					for n := 1 + i%stride; n <= last; n += stride {
						tried++
						if !tryFault(t, what, s, step, before, mem, want, f.fault, n, f.judge) {
							break // one is enough to see
						}
					}
				}
			}
		})
	}
	t.Logf("%d operations failed", tried)
}

// countOps returns how many operations of the step the fault counts.
func countOps(t *testing.T, s script, step step, before *kvtest.MemStore, fault kvtest.Fault) int {
	t.Helper()
	counting := kvtest.NewFaultStore(before.Clone(), fault)
	_, _ = step.run(treetest.Open(t, counting, s.opts...))
	return counting.Ops()
}

// tryFault runs a step in which the n-th operation fails, and returns whether
// all is well.
func tryFault(t *testing.T, what string, s script, step step, before, after *kvtest.MemStore, want string, fault kvtest.Fault, n int, judge func(faultedStep) string) bool {
	t.Helper()
	fault.At = n
	mem := before.Clone()
	writes := kvtest.NewTraceStore(mem)
	got := faultedStep{name: step.name, fault: fault}
	var failing *kvtest.FaultStore
	fault.Match = func(kind kvtest.OpKind, _ []byte) bool {
		switch {
		case !failing.Fired():
			got.failed = kind
		case kind <= kvtest.OpNext: // the others act on an iterator that has failed, and close it
			got.after++
		}
		return true
	}
	failing = kvtest.NewFaultStore(writes, fault)
	observed := 0
	tree := treetest.Open(t, failing, append([]kvshard.Option{kvshard.WithObserver(func(kvshard.Stats) { observed++ })}, s.opts...)...)

	got.value, got.panicked = treetest.Recovered(func() { got.result, got.err = step.run(tree) })
	if !failing.Fired() {
		t.Errorf("%s: there is no operation %d", what, n)
		return false
	}
	got.same = !got.panicked && outcome(got.result, got.err) == want && mem.Equal(after)
	if wrong := judge(got); wrong != "" {
		t.Errorf("%s, %v: %s", what, failing, wrong)
		return false
	}
	if n := mem.OpenIterators(); n != 0 {
		t.Errorf("%s, %v: %d iterators left open", what, failing, n)
	}
	// A store that denies a record may have that record written again unchanged.
	if err := mem.Check(); err != nil && fault.Mode != kvtest.FaultNil {
		t.Errorf("%s, %v: %v", what, failing, err)
	}
	if observed != 1 != got.panicked {
		t.Errorf("%s, %v: the observer ran %d times, panic %v", what, failing, observed, got.panicked)
	}
	counts := writes.Counts()
	if counts.Sets+counts.Deletes == 0 && !mem.Equal(before) {
		t.Errorf("%s, %v: the store changed without a write", what, failing)
	}
	// The damage is not in what was read, so a call that found it wrote nothing.
	if got.err != nil && !errors.Is(got.err, kvshard.ErrStore) && !mem.Equal(before) {
		t.Errorf("%s, %v: %v, but the store changed:\n%s", what, failing, got.err, before.Diff(mem))
	}

	// Once more: with the same Tree if its store is the starting one, else with
	// another.
	again := mem
	if fault.Sticky || !mem.Equal(before) {
		again = before.Clone()
		tree = treetest.Open(t, again, s.opts...)
	}
	if result := outcome(step.run(tree)); result != want || !again.Equal(after) {
		t.Errorf("%s, %v: the step again comes to %s, want %s; the store differs in\n%s", what, failing, result, want, after.Diff(again))
	}
	return true
}

// TestOutOfGasAtEveryLimit runs the calls of a block with every gas limit. All
// limits between two charges act alike, so the limits on both sides of each
// charge are tried. The panic is the store's own. What was written before it is
// a beginning of what the block writes.
func TestOutOfGasAtEveryLimit(t *testing.T) {
	treetest.ExpectNoHandles(t)
	start := kvtest.NewMemStore()
	tree := treetest.Open(t, start, kvshard.WithMaxCheckpoints(5))
	size := uint64(0)
	for id := range uint32(12) { // the block to come completes 128 leaves, with a quad and the cap
		if _, err := treetest.Block(tree, size, 10, id); err != nil {
			t.Fatal(err)
		}
		size += 10
	}
	writesOf := func(trace *kvtest.TraceStore) (lines [][]byte) {
		for _, op := range trace.Trace() {
			if op.Kind == kvtest.OpSet || op.Kind == kvtest.OpDelete {
				lines = append(lines, []byte(op.String()))
			}
		}
		return lines
	}
	run := func(limit uint64) (consumed uint64, writes [][]byte, value any, panicked bool) {
		mem := start.Clone()
		trace := kvtest.NewTraceStore(mem)
		gas := kvtest.NewGasStore(trace, limit)
		tree := treetest.Open(t, gas, kvshard.WithMaxCheckpoints(5))
		value, panicked = treetest.Recovered(func() {
			if _, err := treetest.Block(tree, size, 10, 12); err != nil {
				t.Errorf("limit %d: %v", limit, err)
			}
		})
		if err := mem.Check(); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
		return gas.GasConsumed(), writesOf(trace), value, panicked
	}

	total, all, _, panicked := run(0)
	if panicked || total == 0 {
		t.Fatalf("without a limit: %d gas, panic %v", total, panicked)
	}
	charges := 0
	for limit := uint64(1); ; charges++ {
		// The charge that exceeds this limit exceeds every limit below the sum
		// up to it.
		consumed, writes, value, panicked := run(limit)
		if !panicked {
			if consumed != total || limit != total {
				t.Errorf("limit %d is enough and %d was consumed, want %d", limit, consumed, total)
			}
			break
		}
		last, lastWrites, lastValue, lastPanicked := run(consumed - 1)
		if last != consumed || !lastPanicked || lastValue != value || len(lastWrites) != len(writes) {
			t.Errorf("limits %d and %d differ", limit, consumed-1)
		}
		if _, ok := value.(kvtest.ErrorOutOfGas); !ok {
			t.Errorf("limit %d: panic %v, want ErrorOutOfGas", limit, value)
		}
		if len(writes) > len(all) {
			t.Errorf("limit %d: %d writes, all are %d", limit, len(writes), len(all))
		}
		for i := range writes {
			if !bytes.Equal(writes[i], all[i]) {
				t.Errorf("limit %d: write %d is %s, want %s", limit, i, writes[i], all[i])
			}
		}
		limit = consumed
	}
	t.Logf("%d gas in %d charges, %d writes", total, charges, len(all))
	if charges < 40 {
		t.Errorf("%d charges are fewer than the operations of a block make", charges)
	}
}
