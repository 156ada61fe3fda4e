package tests

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// A cost is what calls cost, counted, so it is the same on every machine.
type cost struct{ Gas, Ops, Hashes uint64 }

func (c cost) sub(d cost) cost { return cost{c.Gas - d.Gas, c.Ops - d.Ops, c.Hashes - d.Hashes} }

// A sum is the cost of many calls, and of the dearest call. Each figure of the
// dearest is the highest of any call, so the figures may come from different
// calls.
type sum struct {
	N          uint64
	Total, Max cost
}

func (s *sum) add(c cost) {
	s.N++
	s.Total = cost{s.Total.Gas + c.Gas, s.Total.Ops + c.Ops, s.Total.Hashes + c.Hashes}
	s.Max = cost{max(s.Max.Gas, c.Gas), max(s.Max.Ops, c.Ops), max(s.Max.Hashes, c.Hashes)}
}

// A mean is a sum divided by its number.
type mean struct{ Gas, Ops, Hashes float64 }

func (s sum) mean() mean {
	n := float64(s.N)
	return mean{float64(s.Total.Gas) / n, float64(s.Total.Ops) / n, float64(s.Total.Hashes) / n}
}

// costs are what calls on a tree of some size cost, as exact numbers.
type costs struct {
	Block     sum // AppendBatch of 10, Checkpoint, Root: costBlocks of them
	Append    sum // Append of one leaf: costAppends of them
	WitnessAt sum // of costWitnesses random leaves at the newest checkpoint
	Root      sum // one
	Size      uint64
	Bytes     int // in the store at that size, keys included
}

// String returns the costs in the form of golden.
func (c costs) String() string {
	var b strings.Builder
	for _, row := range []struct {
		name string
		sum  sum
	}{{"block", c.Block}, {"append", c.Append}, {"witness", c.WitnessAt}, {"root", c.Root}} {
		total, dearest := row.sum.Total, row.sum.Max
		fmt.Fprintf(&b, "%-8s%3d cost %8d gas %5d ops %6d hashes; the dearest %6d gas %3d ops %3d hashes\n", row.name,
			row.sum.N, total.Gas, total.Ops, total.Hashes, dearest.Gas, dearest.Ops, dearest.Hashes)
	}
	fmt.Fprintf(&b, "%d bytes hold %d leaves\n", c.Bytes, c.Size)
	return b.String()
}

const (
	costBlocks    = 128
	costAppends   = 256
	costWitnesses = 256
	// costCheckpoints are kept, and full: each block prunes one.
	costCheckpoints = 100
)

// golden has the exact costs, by the size at which the blocks begin, so any
// change shows. The mean of a block is a 128th of the first line. The dearest
// block passes 1,024 or 2,048 if the blocks begin at 1,000 leaves, 2^16 if at
// 65,000, and 2^20 if at 1,048,000. There one block completes a node of each
// level up to 20, and writes the cap and a quad for every other level. It does
// work for the blocks before it, too; the mean includes it.
// level. It pays for the blocks before, and the mean has it in.
var golden = map[uint64]string{
	smallSize: `block   128 cost  5553251 gas  1866 ops   5924 hashes; the dearest  72676 gas  24 ops  67 hashes
append  256 cost  4857663 gas  1014 ops    257 hashes; the dearest  40823 gas   7 ops  20 hashes
witness 256 cost  3861148 gas  2236 ops  11316 hashes; the dearest  15459 gas   9 ops  45 hashes
root      1 cost     4650 gas     3 ops     37 hashes; the dearest   4650 gas   3 ops  37 hashes
88358 bytes hold 2280 leaves
`,
	mediumSize: `block   128 cost  5623360 gas  1872 ops   5940 hashes; the dearest  93186 gas  30 ops  85 hashes
append  256 cost  4859841 gas  1014 ops    257 hashes; the dearest  41912 gas   7 ops  20 hashes
witness 256 cost  5054100 gas  3060 ops  14041 hashes; the dearest  19809 gas  12 ops  55 hashes
root      1 cost     4749 gas     3 ops     37 hashes; the dearest   4749 gas   3 ops  37 hashes
2516965 bytes hold 66280 leaves
`,
	largeSize: `block   128 cost  5682876 gas  1878 ops   5956 hashes; the dearest 111194 gas  36 ops 101 hashes
append  256 cost  4859841 gas  1014 ops    257 hashes; the dearest  41912 gas   7 ops  20 hashes
witness 256 cost  5286400 gas  3328 ops  13056 hashes; the dearest  20650 gas  13 ops  51 hashes
root      1 cost     2756 gas     2 ops     27 hashes; the dearest   2756 gas   2 ops  27 hashes
39819786 bytes hold 1049280 leaves
`,
}

// A meter is a tree over a strict store that counts everything.
type meter struct {
	mem    *kvtest.MemStore
	gas    *kvtest.GasStore
	trace  *kvtest.TraceStore
	tree   *kvshard.Tree
	hashes uint64
	stats  kvshard.Stats // of all calls
}

func newMeter(t testing.TB, mem *kvtest.MemStore, opts ...kvshard.Option) *meter {
	t.Helper()
	m := &meter{mem: mem}
	m.gas = kvtest.NewGasStore(mem, 0)
	m.trace = kvtest.NewTraceStore(m.gas)
	m.trace.Record(false)
	m.tree = treetest.Open(t, m.trace, append([]kvshard.Option{kvshard.WithObserver(m.observe)}, opts...)...)
	return m
}

func (m *meter) observe(s kvshard.Stats) {
	m.hashes += s.Hashes
	m.stats.Gets += s.Gets
	m.stats.Sets += s.Sets
	m.stats.Deletes += s.Deletes
	m.stats.IterCreates += s.IterCreates
	m.stats.IterNexts += s.IterNexts
	m.stats.BytesRead += s.BytesRead
	m.stats.BytesWritten += s.BytesWritten
}

// now returns the cost of all calls so far.
func (m *meter) now() cost { return cost{m.gas.GasConsumed(), m.trace.Counts().Ops(), m.hashes} }

// of returns the cost of what f does.
func (m *meter) of(t testing.TB, f func() error) cost {
	t.Helper()
	before := m.now()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	return m.now().sub(before)
}

// block makes a block of 10 leaves.
func (m *meter) block(t testing.TB, size uint64, id uint32) cost {
	t.Helper()
	return m.of(t, func() error {
		_, err := treetest.Block(m.tree, size, 10, id)
		return err
	})
}

// measure fills a tree so that at size leaves it has as many checkpoints as are
// kept, and takes all costs from there on.
func measure(t *testing.T, size uint64) costs {
	m := newMeter(t, kvtest.Strict(t))
	const before = costCheckpoints * 10
	id := uint32(1)
	if size > before {
		treetest.Grow(t, m.tree, size-before)
		for at := size - before; at < size; at, id = at+10, id+1 {
			m.block(t, at, id)
		}
	} else {
		for ; id <= costCheckpoints; id++ {
			if err := m.tree.Checkpoint(id); err != nil {
				t.Fatal(err)
			}
		}
		treetest.Grow(t, m.tree, size)
	}

	c := costs{}
	for range costBlocks {
		c.Block.add(m.block(t, size, id))
		size, id = size+10, id+1
	}
	newest := id - 1
	c.Size, c.Bytes = size, m.mem.Bytes()
	c.Root.add(m.of(t, func() error { _, err := m.tree.Root(); return err }))

	// The newest checkpoint is after the last leaf, so all leaves are old.
	random := rand.New(rand.NewPCG(1, 2))
	root, err := m.tree.RootAt(newest)
	if err != nil {
		t.Fatal(err)
	}
	for range costWitnesses {
		position := random.Uint64N(size)
		var w kvshard.Witness
		c.WitnessAt.add(m.of(t, func() (err error) { w, err = m.tree.WitnessAt(position, newest); return err }))
		if err := w.Verify(root, treetest.LeafAt(position)); err != nil {
			t.Fatal(err)
		}
	}
	for range costAppends {
		c.Append.add(m.of(t, func() error { _, err := m.tree.Append(treetest.LeafAt(size)); return err }))
		size++
	}

	// The observer was told exactly what reached the store.
	counts := m.trace.Counts()
	told := kvtest.Counts{
		Gets: m.stats.Gets, Sets: m.stats.Sets, Deletes: m.stats.Deletes,
		IterCreates: m.stats.IterCreates, IterNexts: m.stats.IterNexts,
		BytesRead: m.stats.BytesRead, BytesWritten: m.stats.BytesWritten,
	}
	if counts != told {
		t.Errorf("Stats told %v; the store saw %v", told, counts)
	}
	return c
}

// The sizes at which the blocks of the costs begin.
const (
	smallSize  = 1_000
	mediumSize = 65_000
	largeSize  = 1_048_000
)

// TestCosts counts the costs of trees of some 1,000, some 65,536 and some
// 1,000,000 leaves. It compares them with the exact figures and with the bounds.
func TestCosts(t *testing.T) {
	orchardOnly(t, "the figures are Orchard's: another tree's tip is 8 bytes longer")
	small := measure(t, smallSize)
	for _, size := range []uint64{mediumSize, largeSize} {
		t.Run(fmt.Sprintf("%d leaves", size), func(t *testing.T) {
			if size == largeSize && testing.Short() {
				t.Skip("a tree of a million leaves takes long under the race detector")
			}
			testCosts(t, small, size)
		})
	}
}

func testCosts(t *testing.T, small costs, size uint64) {
	grown := measure(t, size)
	for at, got := range map[uint64]costs{smallSize: small, size: grown} {
		if got.String() != golden[at] {
			t.Errorf("the costs from %d leaves on are not what they were:\n%v\nwant\n%v", at, got, golden[at])
		}
	}

	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(what string, small, grown, bound, growth float64) {
		t.Helper()
		limit := "-"
		if growth > 0 {
			limit = fmt.Sprintf("%.2f", growth)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.0f\t%.3f\t%s\t\n", what, small, grown, bound, grown/small, limit)
		if small > bound || grown > bound {
			t.Errorf("%s: %.2f and %.2f, want at most %.0f", what, small, grown, bound)
		}
		if growth > 0 && grown > growth*small {
			t.Errorf("%s: grows from %.2f to %.2f, %.3f times, want at most %.2f times", what, small, grown, grown/small, growth)
		}
	}
	fmt.Fprintf(w, "mean\tfrom %d leaves\tfrom %d\tbound\tgrowth\tbound\t\n", smallSize, size)
	a, b := small.Block.mean(), grown.Block.mean()
	const gasGoal = 45_000 // the bound is 60,000
	row("block: gas", a.Gas, b.Gas, gasGoal, 1.35)
	row("block: operations", a.Ops, b.Ops, 24, 1.35)
	row("block: hashes", a.Hashes, b.Hashes, 60, 1.35)
	a, b = small.Append.mean(), grown.Append.mean()
	row("append: gas", a.Gas, b.Gas, 20_000, 1.35)
	row("append: operations", a.Ops, b.Ops, 6, 0)
	row("append: hashes", a.Hashes, b.Hashes, 60, 0)
	a, b = small.WitnessAt.mean(), grown.WitnessAt.mean()
	row("witness: gas", a.Gas, b.Gas, 30_000, 2.5)
	row("witness: operations", a.Ops, b.Ops, 24, 2.5)
	row("witness: hashes", a.Hashes, b.Hashes, 60, 2.5)
	row("bytes a leaf", float64(small.Bytes)/float64(small.Size), float64(grown.Bytes)/float64(grown.Size), 48, 0)
	fmt.Fprintf(w, "dearest\t\t\t\t\t\t\n")
	x, y := small.WitnessAt.Max, grown.WitnessAt.Max
	row("witness: gas", float64(x.Gas), float64(y.Gas), 30_000, 2.5)
	row("witness: operations", float64(x.Ops), float64(y.Ops), 24, 2.5)
	w.Flush()
	t.Logf("costs by counting\n%s", table.String())
	t.Logf("from %d leaves on\n%v", smallSize, small)
	t.Logf("from %d leaves on\n%v", size, grown)
}

// TestOpenTouchesNothing: making a Tree does no operation on the store.
func TestOpenTouchesNothing(t *testing.T) {
	mem := kvtest.Strict(t)
	treetest.Grow(t, treetest.Open(t, mem), 100)
	trace := kvtest.NewTraceStore(mem)
	treetest.Open(t, trace)
	proxy := kvshard.NewStoreProxy(trace)
	if _, err := kvshard.New(proxy); err != nil {
		t.Fatal(err)
	}
	proxy.SetStore(trace)
	if got := trace.String(); got != "" {
		t.Errorf("Open, New and SetStore made operations:\n%s", got)
	}
}

// TestCostDoesNotDependOnCheckpointsKept runs the same blocks with 10, 100 and
// 1,000 checkpoints kept, each time as many as are kept.
func TestCostDoesNotDependOnCheckpointsKept(t *testing.T) {
	const leaves, blocks = 2_000, 32
	base := kvtest.Strict(t)
	treetest.Grow(t, treetest.Open(t, base), leaves)
	var want []cost
	for _, kept := range []uint32{10, 100, 1_000} {
		m := newMeter(t, base.Clone(), kvshard.WithMaxCheckpoints(kept))
		for id := range uint32(1_000) {
			if err := m.tree.Checkpoint(id); err != nil {
				t.Fatal(err)
			}
		}
		var got []cost
		for i := range uint32(blocks) {
			got = append(got, m.block(t, leaves+10*uint64(i), 1_000+i))
		}
		newest := uint32(1_000 + blocks - 1)
		for position := uint64(0); position < leaves; position += 97 {
			got = append(got, m.of(t, func() error { _, err := m.tree.WitnessAt(position, newest); return err }))
		}
		got = append(got, m.of(t, func() error { _, err := m.tree.RootAt(newest - 5); return err }))
		treetest.Clean(t, m.mem)
		if want == nil {
			want = got
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%d checkpoints kept: call %d costs %+v, with 10 kept %+v", kept, i, got[i], want[i])
			}
		}
	}
}
