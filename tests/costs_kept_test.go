package tests

import (
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// retaining returns a meter of a tree with this many retained checkpoints, gap
// ids apart. After them come as many others as are kept, so the next checkpoint
// prunes.
func retaining(t *testing.T, retained int, gap uint32, opts ...kvshard.Option) (m *meter, next uint32) {
	t.Helper()
	m = newMeter(t, kvtest.Strict(t), opts...)
	treetest.Grow(t, m.tree, 2_000)
	checkpoint := func() {
		next += gap
		if err := m.tree.Checkpoint(next); err != nil {
			t.Fatal(err)
		}
	}
	for range retained {
		checkpoint()
		if err := m.tree.RetainCheckpoint(next); err != nil {
			t.Fatal(err)
		}
	}
	for range costCheckpoints {
		checkpoint()
	}
	return m, next + gap
}

// TestCostOfRetainedCheckpoints: a checkpoint costs the same with 1 as with
// 10,000 retained ones, with or without gaps between their ids. That is two
// operations more than with none: one writes the record that lists the new
// checkpoint as prunable, one deletes that record of the pruned checkpoint.
func TestCostOfRetainedCheckpoints(t *testing.T) {
	many := 10_000
	if testing.Short() {
		many = 1_000
	}
	for name, opts := range map[string][]kvshard.Option{
		"marked":    nil,
		"ephemeral": {kvshard.WithRetention(kvshard.Ephemeral)},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(retained int, gap uint32) (got []cost) {
				m, id := retaining(t, retained, gap, opts...)
				for range 8 {
					got = append(got, m.of(t, func() error { return m.tree.Checkpoint(id) }))
					id += gap
				}
				return got
			}
			without, one := run(0, 1), run(1, 1)
			for i := range without {
				extra := one[i].sub(without[i])
				// In the ephemeral tree also the Gets of the two listed
				// checkpoints.
				gets := map[string]uint64{"ephemeral": 2}[name]
				if extra.Ops != 2+gets || extra.Hashes != 0 {
					t.Errorf("checkpoint %d with one retained: %+v more than with none, want %d operations", i, extra, 2+gets)
				}
			}
			for _, retained := range []int{1, 2, many} {
				for _, gap := range []uint32{1, 3, 1_000} {
					for i, got := range run(retained, gap) {
						if got != one[i] {
							t.Errorf("%d retained, %d apart, checkpoint %d: %+v, want %+v", retained, gap, i, got, one[i])
						}
					}
				}
			}
		})
	}
}

// TestCostOfRelease: one of many retained checkpoints is released, and the next
// checkpoint prunes it. The cost does not depend on how many are retained.
func TestCostOfRelease(t *testing.T) {
	run := func(retained int) (got []cost) {
		m, id := retaining(t, retained, 3)
		released := uint32(3 * retained / 2 / 3 * 3)
		got = append(got, m.of(t, func() error { return m.tree.ReleaseCheckpoint(released) }))
		for range 3 {
			got = append(got, m.of(t, func() error { return m.tree.Checkpoint(id) }))
			id += 3
		}
		if _, err := m.tree.SizeAt(released); err == nil {
			t.Errorf("checkpoint %d was released and is still there", released)
		}
		treetest.Clean(t, m.mem)
		return got
	}
	few, many := run(10), run(1_000)
	for i := range few {
		if few[i] != many[i] {
			t.Errorf("call %d: %+v with 1,000 retained, %+v with 10", i, many[i], few[i])
		}
	}
}

// TestCostOfLowerLimit: after the limit is lowered, each checkpoint prunes two
// until the limit is reached.
func TestCostOfLowerLimit(t *testing.T) {
	const kept, limit = 1_000, 5
	mem := kvtest.Strict(t)
	tree := treetest.Open(t, mem, kvshard.WithMaxCheckpoints(kept))
	treetest.Grow(t, tree, 100)
	for id := range uint32(kept) {
		if err := tree.Checkpoint(id); err != nil {
			t.Fatal(err)
		}
	}
	m := newMeter(t, mem, kvshard.WithMaxCheckpoints(limit))
	left := kept
	for id := uint32(kept); left > limit; id++ {
		got := m.of(t, func() error { return m.tree.Checkpoint(id) })
		if want := uint64(9); got.Ops != want {
			t.Fatalf("%d are left: %d operations, want %d", left, got.Ops, want)
		}
		left -= kvshard.MaxPruned - 1
	}
	if got := m.of(t, func() error { return m.tree.Checkpoint(10_000) }); got.Ops != 7 {
		t.Errorf("at the limit: %d operations, want 7", got.Ops)
	}
	count := 0
	for range m.tree.Checkpoints() {
		count++
	}
	if count != limit {
		t.Errorf("%d are left, want %d", count, limit)
	}
}

// TestCostOfRemovedMarks: roots, witnesses and the removal of one more mark cost
// the same, whatever marks were removed. Each checkpoint that clears them does a
// bounded part.
func TestCostOfRemovedMarks(t *testing.T) {
	marks := uint64(10_000)
	if testing.Short() {
		marks = 1_000
	}
	m := newMeter(t, kvtest.Strict(t), kvshard.WithMaxCheckpoints(1))
	treetest.Grow(t, m.tree, 2*marks)
	if err := m.tree.Checkpoint(1); err != nil {
		t.Fatal(err)
	}
	queries := func() (got [2]cost) {
		got[0] = m.of(t, func() error { _, err := m.tree.RootAt(1); return err })
		got[1] = m.of(t, func() error { _, err := m.tree.WitnessAt(3, 1); return err })
		return got
	}
	before := queries()
	remove := func(position uint64) cost {
		return m.of(t, func() error { _, err := m.tree.RemoveMark(position, 1); return err })
	}
	first, second := remove(0), remove(1)
	if first.Ops != 8 || second.Ops != 8 {
		t.Errorf("removals cost %d and %d operations, want 8", first.Ops, second.Ops)
	}
	for position := uint64(2); position < marks; position++ {
		if got := remove(position); got.Gas > second.Gas || got.Ops != second.Ops {
			t.Fatalf("removal %d costs %+v, want %+v", position, got, second)
		}
	}
	if after := queries(); after != before {
		t.Errorf("RootAt and WitnessAt cost %+v, before the removals %+v", after, before)
	}

	treetest.Grow(t, m.tree, 2*marks+1)
	most := cost{}
	id := uint32(2)
	for ; ; id++ {
		got := m.of(t, func() error { return m.tree.Checkpoint(id) })
		most = cost{max(most.Gas, got.Gas), max(most.Ops, got.Ops), max(most.Hashes, got.Hashes)}
		if _, err := m.tree.Leaf(marks - 1); err != nil {
			break
		}
	}
	if want := uint32(marks / 16); id < want || id > want+2 {
		t.Errorf("%d marks were cleared after %d checkpoints, want some %d", marks, id, want)
	}
	// 16 marks: for each a Get and a Set or two Deletes, and their shards.
	if most.Ops > 100 || most.Hashes > 16*15 || most.Gas > 450_000 {
		t.Errorf("the dearest checkpoint costs %+v", most)
	}
	t.Logf("%d checkpoints, the dearest costs %+v", id, most)
	treetest.CheckTree(t, m.tree)
}

// TestCostOfNothing: a call on a store without a tip looks for shards once; a
// call on a store with a tip does not look.
func TestCostOfNothing(t *testing.T) {
	m := newMeter(t, kvtest.Strict(t))
	size := func() cost { return m.of(t, func() error { _, err := m.tree.Size(); return err }) }
	if got := size(); got.Ops != 2 {
		t.Errorf("Size of nothing: %d operations, want a Get and an iterator without an entry", got.Ops)
	}
	treetest.Grow(t, m.tree, 1)
	if got := size(); got.Ops != 1 {
		t.Errorf("Size: %d operations, want 1", got.Ops)
	}
}
