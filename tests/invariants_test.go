package tests

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// seeds runs f for some random histories, each under its seed; go test -run
// 'Name/seed=5$' repeats one.
func seeds(t *testing.T, n uint64, f func(t *testing.T, random *rand.Rand)) {
	t.Helper()
	if treetest.Large() {
		n *= 100
	}
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { f(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

// A history is a random life of a tree. The random numbers and its earlier calls
// determine its next call.
type history struct {
	random *rand.Rand
	size   uint64
	ids    []uint32 // checkpoints made and not rewound; some may be pruned
	sizes  []uint64 // the sizes at those checkpoints
	floor  int      // no call is about a checkpoint before this one
}

// An event is a call of a history.
type event struct {
	kind     string // "append", "checkpoint", "rewind", "unmark", "retain", "release"
	first    uint64
	n        int
	id       uint32
	position uint64
}

func (h *history) next(kinds ...string) event {
	r := h.random
	for {
		e := event{kind: kinds[r.IntN(len(kinds))]}
		if e.kind != "append" && e.kind != "checkpoint" {
			if h.floor >= len(h.ids) {
				continue
			}
			i := h.floor + r.IntN(len(h.ids)-h.floor)
			e.id = h.ids[i]
			if e.kind == "rewind" {
				h.size, h.ids, h.sizes = h.sizes[i], h.ids[:i+1], h.sizes[:i+1]
			}
			if h.sizes[i] > 0 {
				e.position = r.Uint64N(h.sizes[i])
			}
			return e
		}
		if e.kind == "append" {
			e.first, e.n = h.size, 1+r.IntN(1+r.IntN(60))
			h.size += uint64(e.n)
			return e
		}
		if len(h.ids) > 0 {
			e.id = h.ids[len(h.ids)-1]
		}
		e.id += 1 + r.Uint32N(200)*r.Uint32N(2)
		h.ids, h.sizes = append(h.ids, e.id), append(h.sizes, h.size)
		return e
	}
}

// apply makes the call of an event. An error is fine if the event is about a
// checkpoint that was pruned, or a leaf that is not there.
func apply(tree *kvshard.Tree, e event) error {
	switch e.kind {
	case "append":
		_, err := tree.AppendBatch(treetest.LeavesAt(e.first, e.n))
		return err
	case "checkpoint":
		return tree.Checkpoint(e.id)
	case "rewind":
		return tree.Rewind(e.id)
	case "retain":
		return tree.RetainCheckpoint(e.id)
	case "release":
		return tree.ReleaseCheckpoint(e.id)
	default:
		_, err := tree.RemoveMark(e.position, e.id)
		return err
	}
}

// split makes the call of an event in parts: the leaves go in batches of any
// size.
func split(random *rand.Rand, tree *kvshard.Tree, e event) error {
	if e.kind != "append" {
		return apply(tree, e)
	}
	for e.n > 0 {
		part := e
		if part.n = 1 + random.IntN(e.n); random.IntN(3) == 0 {
			part.n = 1
		}
		if err := apply(tree, part); err != nil {
			return err
		}
		e.first, e.n = e.first+uint64(part.n), e.n-part.n
	}
	return nil
}

// optionsOf returns random options.
func optionsOf(random *rand.Rand) []kvshard.Option {
	opts := []kvshard.Option{kvshard.WithMaxCheckpoints(1 + random.Uint32N(1+random.Uint32N(12)))}
	if random.IntN(3) == 0 {
		opts = append(opts, kvshard.WithRetention(kvshard.Ephemeral))
	}
	return opts
}

// TestSameContentHoweverSplit: the same leaves, checkpoints and marks give the
// same bytes, one by one or in batches, with one Tree or with many, on one thread
// or on several. Check finds nothing in between. The roots are those of a tree
// without a store.
func TestSameContentHoweverSplit(t *testing.T) {
	seeds(t, 20, func(t *testing.T, random *rand.Rand) {
		h := &history{random: random}
		opts := optionsOf(random)
		whole, parts := kvtest.Strict(t), kvtest.Strict(t)
		one := treetest.Open(t, whole, append(opts, kvshard.WithThreads(1))...)
		plain := &plainTree{}
		for i := range 60 {
			e := h.next("append", "append", "append", "checkpoint", "checkpoint", "unmark", "retain", "release")
			other := treetest.Open(t, parts, append(opts, kvshard.WithThreads(3))...)
			x, y := apply(one, e), split(random, other, e)
			if (x == nil) != (y == nil) || (x != nil && x.Error() != y.Error()) {
				t.Fatalf("step %d, %+v: %v at once, %v in parts", i, e, x, y)
			}
			if !whole.Equal(parts) {
				t.Fatalf("step %d, %+v: the content differs\n%s", i, e, whole.Diff(parts))
			}
			if e.kind == "append" {
				plain.append(t, treetest.LeavesAt(e.first, e.n)...)
			}
			if i%10 == 9 {
				treetest.CheckTree(t, one)
				if root, err := one.Root(); root != plain.root(t) || err != nil {
					t.Fatalf("step %d: root %s, %v; want %s", i, root, err, plain.root(t))
				}
			}
		}
	})
}

// TestSameContentWhateverHappened: checkpoints are pruned, retained and released
// in one tree. Another tree makes only those that are left, and retains them at
// the end. Both have the same bytes.
func TestSameContentWhateverHappened(t *testing.T) {
	seeds(t, 30, func(t *testing.T, random *rand.Rand) {
		h := &history{random: random}
		mem := kvtest.Strict(t)
		tree := treetest.Open(t, mem, kvshard.WithMaxCheckpoints(1+random.Uint32N(5)))
		for range 80 {
			_ = apply(tree, h.next("append", "append", "checkpoint", "checkpoint", "retain", "release"))
		}
		again := kvtest.Strict(t)
		made := treetest.Open(t, again, kvshard.WithMaxCheckpoints(1_000))
		var retained []uint32
		for c, err := range tree.Checkpoints() {
			if err != nil {
				t.Fatal(err)
			}
			treetest.Grow(t, made, c.Size)
			if err := made.Checkpoint(c.ID); err != nil {
				t.Fatal(err)
			}
			if c.Retained {
				retained = append(retained, c.ID)
			}
		}
		treetest.Grow(t, made, h.size)
		random.Shuffle(len(retained), func(i, j int) { retained[i], retained[j] = retained[j], retained[i] })
		for _, id := range retained {
			if err := made.RetainCheckpoint(id); err != nil {
				t.Fatal(err)
			}
		}
		if !mem.Equal(again) {
			t.Fatalf("the content differs:\n%s", mem.Diff(again))
		}
		treetest.CheckTree(t, tree)
	})
}

// TestRewindLeavesNoTrace: a rewind to a checkpoint brings back every byte,
// whatever came after it.
func TestRewindLeavesNoTrace(t *testing.T) {
	seeds(t, 20, func(t *testing.T, random *rand.Rand) {
		h := &history{random: random}
		opts := []kvshard.Option{kvshard.WithMaxCheckpoints(1_000)} // nothing is pruned
		if random.IntN(3) == 0 {
			opts = append(opts, kvshard.WithRetention(kvshard.Ephemeral))
		}
		mem := kvtest.Strict(t)
		tree := treetest.Open(t, mem, opts...)
		live := func(n int, kinds ...string) {
			for range n {
				e := h.next(kinds...)
				if err := apply(tree, e); err != nil {
					t.Fatalf("%+v: %v", e, err)
				}
			}
		}
		all := []string{"append", "append", "append", "checkpoint", "checkpoint", "unmark"}
		for range 4 {
			h.floor = 0
			live(random.IntN(20), "append", "append", "checkpoint")
			if err := apply(tree, h.next("checkpoint")); err != nil {
				t.Fatal(err)
			}
			want := mem.Clone()
			h.floor = len(h.ids) - 1 // events about earlier checkpoints are not undone
			at := h.ids[h.floor]
			kinds := all
			if h.sizes[h.floor] == 0 { // no leaf to unmark yet
				kinds = []string{"append", "checkpoint"}
			}
			live(random.IntN(30), kinds...)
			if err := tree.Rewind(at); err != nil {
				t.Fatal(err)
			}
			if !mem.Equal(want) {
				t.Fatalf("the rewind to %d leaves a trace:\n%s", at, want.Diff(mem))
			}
			treetest.CheckTree(t, tree)
			h.size, h.ids, h.sizes = h.sizes[h.floor], h.ids[:h.floor+1], h.sizes[:h.floor+1]
		}
	})
}

// A marks model knows which leaves a tree must be able to prove.
type marks struct {
	none    bool                       // no leaf has a mark
	removed map[uint64]map[uint32]bool // position: as of which checkpoints
	gone    map[uint64]bool            // all of those, and all older ones, were gone at some time
}

// removedAsOf notes a mark that was removed.
func (m *marks) removedAsOf(position uint64, id uint32) {
	if m.removed[position] == nil {
		m.removed[position] = map[uint32]bool{}
	}
	m.removed[position][id] = true
}

// kept notes the oldest checkpoint that there is.
func (m *marks) kept(oldest uint32) {
	for position, ids := range m.removed {
		last := slices.Max(slices.Collect(maps.Keys(ids)))
		if last < oldest {
			m.gone[position] = true
		}
	}
}

// rewound undoes what came after a checkpoint.
func (m *marks) rewound(id uint32, size uint64) {
	for position, ids := range m.removed {
		maps.DeleteFunc(ids, func(asOf uint32, _ bool) bool { return asOf >= id })
		if len(ids) == 0 {
			delete(m.removed, position)
		}
	}
	maps.DeleteFunc(m.gone, func(position uint64, _ bool) bool { return position >= size })
}

// check fails the test if a leaf that must be provable is not, or if the error is
// not ErrPruned.
func (m *marks) check(t *testing.T, what string, position uint64, err error) {
	t.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, kvshard.ErrPruned):
		t.Errorf("%s of %d: %v, want ErrPruned or a proof", what, position, err)
	case !m.none && !m.gone[position]:
		t.Errorf("%s of %d: %v, and its mark is needed", what, position, err)
	}
}

// TestHistories plays whole histories, rewinds and pruning included. After every
// call it checks the tree with Check, and its size; at the end its root, every
// witness, and every witness at every checkpoint. Roots are those of a tree
// without a store. A leaf may lack a proof only where the model says so.
func TestHistories(t *testing.T) {
	const calls = 80
	proven := 0
	seeds(t, 40, func(t *testing.T, random *rand.Rand) {
		h := &history{random: random}
		mem := kvtest.Strict(t)
		ephemeral := random.IntN(4) == 0
		opts := []kvshard.Option{kvshard.WithMaxCheckpoints(1 + random.Uint32N(1+random.Uint32N(6)))}
		if ephemeral {
			opts = append(opts, kvshard.WithRetention(kvshard.Ephemeral))
		}
		tree := treetest.Open(t, mem, opts...)
		m := &marks{ephemeral, map[uint64]map[uint32]bool{}, map[uint64]bool{}}
		for range calls {
			e := h.next("append", "append", "append", "checkpoint", "checkpoint", "unmark", "unmark", "retain", "release", "rewind")
			before := h.size
			err := apply(tree, e)
			switch {
			case err != nil:
			case e.kind == "unmark":
				m.removedAsOf(e.position, e.id)
			case e.kind == "rewind":
				m.rewound(e.id, h.size)
			case e.kind == "checkpoint":
				for c := range tree.Checkpoints() {
					m.kept(c.ID)
					break
				}
			}
			if err != nil && e.kind == "rewind" {
				// Pruned: the tree stays, and so does the model.
				size, err := tree.Size()
				if err != nil {
					t.Fatal(err)
				}
				h.size, h.ids, h.sizes = size, nil, nil
				for c, err := range tree.Checkpoints() {
					if err != nil {
						t.Fatal(err)
					}
					h.ids, h.sizes = append(h.ids, c.ID), append(h.sizes, c.Size)
				}
			}
			if err := tree.Check(); err != nil {
				t.Fatalf("%+v at size %d: %v", e, before, err)
			}
			if size, err := tree.Size(); size != h.size || err != nil {
				t.Fatalf("%+v: size %d, %v; want %d", e, size, err, h.size)
			}
		}
		plain := &plainTree{}
		plain.append(t, treetest.LeavesAt(0, int(h.size))...)
		root, err := tree.Root()
		if want := plain.root(t); root != want || err != nil {
			t.Fatalf("root %s, %v; want %s", root, err, want)
		}
		for position := range h.size {
			w, err := tree.Witness(position)
			m.check(t, "witness", position, err)
			if err == nil && w.Verify(root, treetest.LeafAt(position)) != nil {
				t.Errorf("the witness of %d does not lead to the root", position)
			}
		}
		for c, err := range tree.Checkpoints() {
			if err != nil {
				t.Fatal(err)
			}
			at := must(tree.RootAt(c.ID))
			for position := range c.Size {
				w, err := tree.WitnessAt(position, c.ID)
				m.check(t, fmt.Sprintf("witness at %d", c.ID), position, err)
				if err == nil && w.Verify(at, treetest.LeafAt(position)) != nil {
					t.Errorf("the witness of %d at %d does not lead to the root", position, c.ID)
				}
				if err == nil && c.Retained && len(m.removed[position]) > 0 {
					proven++
				}
			}
		}
	})
	if proven == 0 {
		t.Error("no retained checkpoint proved a leaf whose mark was removed: the histories are too tame")
	}
}

// TestRetainedKeepsWhatItProves: marks removed as of a later checkpoint wait for
// an earlier retained one, even when the later one is pruned.
func TestRetainedKeepsWhatItProves(t *testing.T) {
	mem := kvtest.Strict(t)
	tree := treetest.Open(t, mem, kvshard.WithMaxCheckpoints(1))
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(position uint64, id uint32) error {
		marked, err := tree.RemoveMark(position, id)
		if !marked && err == nil {
			t.Errorf("leaf %d has no mark", position)
		}
		return err
	}
	treetest.Grow(t, tree, 20)
	do(tree.Checkpoint(1), tree.RetainCheckpoint(1))
	root := must(tree.Root())
	treetest.Grow(t, tree, 25)
	do(tree.Checkpoint(2), remove(4, 2), remove(5, 2), tree.Checkpoint(3))
	if _, err := tree.SizeAt(2); !errors.Is(err, kvshard.ErrCheckpointNotFound) {
		t.Fatalf("checkpoint 2 is there: %v", err)
	}
	for _, position := range []uint64{4, 5} {
		verify(t, tree, position, 1, root)
	}
	treetest.CheckTree(t, tree)

	rewound := treetest.Open(t, mem.Clone(), kvshard.WithMaxCheckpoints(1))
	do(rewound.Rewind(1))
	for _, position := range []uint64{4, 5} {
		w, err := rewound.Witness(position)
		do(err, w.Verify(root, treetest.LeafAt(position)))
	}
	treetest.CheckTree(t, rewound)

	do(tree.ReleaseCheckpoint(1), tree.Checkpoint(4))
	for _, position := range []uint64{4, 5} {
		if _, err := tree.Witness(position); !errors.Is(err, kvshard.ErrPruned) {
			t.Errorf("leaf %d after the release: %v, want ErrPruned", position, err)
		}
	}
	treetest.CheckTree(t, tree)
}

// TestTreesSideBySide: trees under prefixes of one store do not affect each
// other, nor other keys between and beside them.
func TestTreesSideBySide(t *testing.T) {
	seeds(t, 10, func(t *testing.T, random *rand.Rand) {
		shared := kvtest.Strict(t)
		foreign := map[string]string{
			"a": "x", "a/": "x", "a/\x0e": "x", "a/\x16": "x", "b": "x", "c\xff": "x", "\x0e": "x", "\x16": "x",
			"\xff\xfe": "x", "zz": "x",
		}
		for key, value := range foreign {
			shared.Put([]byte(key), []byte(value))
		}
		type neighbour struct {
			prefix string
			alone  *kvtest.MemStore
			here   *kvshard.Tree
			there  *kvshard.Tree
			h      *history
		}
		var trees []neighbour
		for _, prefix := range []string{"", "a/", "b", "c\xff\xff", "\xff\xff"} {
			opts := optionsOf(random)
			alone := kvtest.Strict(t)
			trees = append(trees, neighbour{
				prefix, alone,
				treetest.Open(t, shared, append(opts, kvshard.WithPrefix([]byte(prefix)))...),
				treetest.Open(t, alone, opts...),
				&history{random: random},
			})
		}
		for range 150 {
			n := trees[random.IntN(len(trees))]
			e := n.h.next("append", "append", "append", "checkpoint", "checkpoint", "unmark", "retain", "release")
			x, y := apply(n.here, e), apply(n.there, e)
			if (x == nil) != (y == nil) {
				t.Fatalf("prefix %q, %+v: %v beside others, %v alone", n.prefix, e, x, y)
			}
		}
		want := kvtest.NewMemStore()
		for key, value := range foreign {
			want.Put([]byte(key), []byte(value))
		}
		for _, n := range trees {
			for _, pair := range n.alone.Dump() {
				want.Put(append([]byte(n.prefix), pair.Key...), pair.Value)
			}
			treetest.CheckTree(t, n.here)
			x, err := n.here.Root()
			if err != nil {
				t.Fatal(err)
			}
			if y, err := n.there.Root(); x != y || err != nil {
				t.Errorf("prefix %q: root %s beside others, %s alone, %v", n.prefix, x, y, err)
			}
		}
		if !want.Equal(shared) {
			t.Errorf("the shared store is not the sum of the others:\n%s", want.Diff(shared))
		}
	})
}

// TestConcurrentTrees plays histories over different stores at once, beside
// readers that each have a copy of one store. It is most useful under the race
// detector.
func TestConcurrentTrees(t *testing.T) {
	const lives = 16
	live := func(mem *kvtest.MemStore) error {
		random := rand.New(rand.NewPCG(99, 0))
		h := &history{random: random}
		tree, err := treetest.TryOpen(mem, kvshard.WithMaxCheckpoints(3), kvshard.WithThreads(2))
		if err != nil {
			return err
		}
		for range 40 {
			_ = apply(tree, h.next("append", "append", "checkpoint", "unmark"))
		}
		return tree.Check()
	}
	want := kvtest.Strict(t)
	if err := live(want); err != nil {
		t.Fatal(err)
	}
	root, err := treetest.Open(t, want).Root()
	if err != nil {
		t.Fatal(err)
	}

	var group sync.WaitGroup
	for range lives {
		group.Go(func() {
			mem := kvtest.NewMemStore()
			if err := live(mem); err != nil {
				t.Error(err)
			}
			if !mem.Equal(want) {
				t.Errorf("a life beside others differs:\n%s", want.Diff(mem))
			}
		})
		snapshot := want.Clone()
		group.Go(func() {
			tree, err := treetest.TryOpen(snapshot)
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				if got, err := tree.Root(); got != root || err != nil {
					t.Errorf("root %s, %v; want %s", got, err, root)
				}
			}
		})
	}
	group.Wait()
}

// TestDatabases runs on cosmos-db's own databases, unchanged. An iterator over
// its MemDB holds a lock until it was read to the end or closed. With more than
// 64 keys in its range, a write under it never returns.
func TestDatabases(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) (db dbm.DB, reopen func() dbm.DB){
		"memdb": func(*testing.T) (dbm.DB, func() dbm.DB) {
			db := dbm.NewMemDB()
			return db, func() dbm.DB { return db }
		},
		"goleveldb": func(t *testing.T) (dbm.DB, func() dbm.DB) {
			dir := t.TempDir()
			on := func() dbm.DB {
				db, err := dbm.NewGoLevelDB("tree", dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				return db
			}
			db := on()
			return db, func() dbm.DB {
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				return on()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			const kept, blocks = 100, 180
			db, reopen := make(t)
			mem := kvtest.Strict(t)
			for id := range uint32(blocks) {
				want, err := treetest.Block(treetest.Open(t, mem), 10*uint64(id), 10, id)
				if err != nil {
					t.Fatal(err)
				}
				if root, err := treetest.Block(treetest.Open(t, db), 10*uint64(id), 10, id); root != want || err != nil {
					t.Fatalf("block %d: root %s, %v; want %s", id, root, err, want)
				}
			}
			db = reopen()
			defer db.Close()
			tree := treetest.Open(t, db)
			list := 0
			for c, err := range tree.Checkpoints() {
				if err != nil {
					t.Fatal(err)
				}
				if err := tree.RetainCheckpoint(c.ID); err != nil { // a write in the loop
					t.Fatal(err)
				}
				list++
			}
			if list != kept {
				t.Errorf("%d checkpoints, want %d", list, kept)
			}
			verify(t, tree, 7, blocks-1, must(tree.Root()))
			treetest.CheckTree(t, tree)
			if err := tree.Rewind(blocks - kept); err != nil {
				t.Fatal(err)
			}
			treetest.CheckTree(t, tree)
		})
	}
}
