package tests

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// Go's native fuzzing, over the linked library. Every "go test" replays the inputs
// below and those in testdata/fuzz; "make fuzz" looks for more.

func FuzzParseNode(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("0", 64))
	f.Add("00000000ed302d991bf94c09fc98462200000000000000000000000000000040") // the modulus less 1
	f.Add("01000000ed302d991bf94c09fc98462200000000000000000000000000000040") // the modulus
	f.Add(strings.Repeat("F", 64))
	f.Add(strings.Repeat("é", 32))
	f.Fuzz(func(t *testing.T, text string) {
		node, err := kvshard.ParseNode(text)
		var again kvshard.Node
		if unmarshal := again.UnmarshalText([]byte(text)); (unmarshal == nil) != (err == nil) || again != node {
			t.Fatalf("ParseNode: %s, %v; UnmarshalText: %s, %v", node, err, again, unmarshal)
		}
		if err != nil {
			if !errors.Is(err, kvshard.ErrInvalidNode) || node != (kvshard.Node{}) {
				t.Fatalf("%s, %v", node, err)
			}
			return
		}
		if node.String() != strings.ToLower(text) {
			t.Fatalf("%q became %s", text, node)
		}
		// The engine agrees on what is canonical.
		if _, err := kvshard.Combine(0, node, node); err != nil {
			t.Fatal(err)
		}
	})
}

// fuzzInput reads numbers from an input; after its end all are 0.
type fuzzInput struct{ rest []byte }

func (in *fuzzInput) byte() byte {
	if len(in.rest) == 0 {
		return 0
	}
	b := in.rest[0]
	in.rest = in.rest[1:]
	return b
}

func (in *fuzzInput) bytes(n int) []byte {
	n = min(n, len(in.rest))
	b := in.rest[:n]
	in.rest = in.rest[n:]
	return b
}

func (in *fuzzInput) long() uint64 {
	var b [8]byte
	copy(b[:], in.bytes(8))
	return binary.LittleEndian.Uint64(b[:])
}

func (in *fuzzInput) node() (n kvshard.Node) {
	copy(n[:], in.bytes(len(n)))
	return n
}

// modelTree is the tree as it must be: a list, hashed in full each time.
type modelTree struct {
	leaves      []kvshard.Node
	checkpoints []kvshard.Checkpoint
	pruning     bool // some leaves may be gone
}

func (m *modelTree) root(t *testing.T, size uint64) kvshard.Node {
	t.Helper()
	row := m.leaves[:size]
	for level := range kvshard.Depth {
		empty := must(kvshard.EmptyRoot(level))
		pairs := make([][2]kvshard.Node, 0, len(row)/2+1)
		for i := 0; i < len(row); i += 2 {
			pair := [2]kvshard.Node{row[i], empty}
			if i+1 < len(row) {
				pair[1] = row[i+1]
			}
			pairs = append(pairs, pair)
		}
		row = must(kvshard.CombineBatch(level, pairs))
	}
	if len(row) == 0 {
		return must(kvshard.EmptyRoot(kvshard.Depth))
	}
	return row[0]
}

func (m *modelTree) find(id uint32) int {
	for i, c := range m.checkpoints {
		if c.ID == id {
			return i
		}
	}
	return -1
}

func (m *modelTree) checkpoint(id uint32, most int) {
	m.checkpoints = append(m.checkpoints, kvshard.Checkpoint{ID: id, Size: uint64(len(m.leaves))})
	prunable := 0
	for _, c := range m.checkpoints {
		if !c.Retained {
			prunable++
		}
	}
	for i := 0; prunable > most; {
		if m.checkpoints[i].Retained {
			i++
			continue
		}
		m.checkpoints = append(m.checkpoints[:i], m.checkpoints[i+1:]...)
		prunable--
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte{3})
	f.Add([]byte{2, 1, 20, 5, 1, 1, 17, 5, 1, 1, 3, 5, 1, 1, 9, 5, 1, 6, 0, 0, 9, 7, 1, 3})
	f.Add([]byte{1, 0, 0, 0, 4, 1, 12, 1, 30, 5, 2, 9, 5, 0, 1, 30, 5, 3, 7, 0, 8, 2, 3, 5, 4, 10, 0, 6, 0, 0})
	f.Add([]byte{0, 3, 1, 1, 40, 5, 1, 1, 40, 5, 1, 2, 1, 1, 40, 5, 1, 8, 0, 0, 1, 5, 6, 0, 9, 5, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data}
		store, model := kvtest.Strict(t), &modelTree{}
		most, retention := 1+int(in.byte()%4), kvshard.Marked
		open := func() *kvshard.Tree {
			return must(treetest.TryOpen(store, kvshard.WithMaxCheckpoints(uint32(most)),
				kvshard.WithRetention(retention), kvshard.WithPrefix([]byte("p"))))
		}
		// id returns the id of a checkpoint, or one that may not exist.
		id := func() uint32 {
			i := int(in.byte())
			if n := len(model.checkpoints); n > 0 && i < 250 {
				return model.checkpoints[i%n].ID
			}
			return uint32(i)
		}
		found := func(id uint32, err error) int {
			t.Helper()
			at := model.find(id)
			if at < 0 && !errors.Is(err, kvshard.ErrCheckpointNotFound) || at >= 0 && err != nil {
				t.Fatalf("checkpoint %d, number %d of the model: %v", id, at, err)
			}
			return at
		}
		for steps := 0; len(in.rest) > 0 && steps < 40; steps++ {
			tree := open()
			switch in.byte() % 12 {
			case 0, 1, 2:
				n := int(in.byte() % 48)
				if len(model.leaves)+n > 200 {
					n = 0
				}
				leaves := make([]kvshard.Node, n)
				for i := range leaves {
					leaves[i] = kvshard.Node{byte(steps), byte(i), 1}
				}
				if first, err := tree.AppendBatch(leaves); err != nil || first != uint64(len(model.leaves)) {
					t.Fatalf("first %d, %v, want %d", first, err, len(model.leaves))
				}
				model.leaves = append(model.leaves, leaves...)
			case 3:
				most = 1 + int(in.byte()%4)
			case 4:
				retention, model.pruning = kvshard.Ephemeral-retention, true
			case 5:
				id := uint32(in.byte())
				newest := uint32(0)
				if n := len(model.checkpoints); n > 0 {
					newest = model.checkpoints[n-1].ID
					id = newest + id%4
				}
				switch err := tree.Checkpoint(id); {
				case len(model.checkpoints) > 0 && id <= newest:
					if !errors.Is(err, kvshard.ErrCheckpointOrder) {
						t.Fatal(err)
					}
				case err != nil:
					t.Fatal(err)
				default:
					model.checkpoint(id, most)
				}
			case 6:
				id := id()
				if at := found(id, tree.Rewind(id)); at >= 0 {
					model.checkpoints = model.checkpoints[:at+1]
					model.leaves = model.leaves[:model.checkpoints[at].Size]
				}
			case 7:
				id := id()
				if at := found(id, tree.RetainCheckpoint(id)); at >= 0 {
					model.checkpoints[at].Retained = true
				}
			case 8:
				id := id()
				if at := found(id, tree.ReleaseCheckpoint(id)); at >= 0 {
					model.checkpoints[at].Retained = false
				}
			case 9:
				id, position := id(), uint64(in.byte())
				removed, err := tree.RemoveMark(position, id)
				if at := model.find(id); at >= 0 && position >= model.checkpoints[at].Size {
					if !errors.Is(err, kvshard.ErrPositionNotFound) {
						t.Fatal(err)
					}
				} else {
					found(id, err)
				}
				model.pruning = model.pruning || removed
			case 10:
				id, position := id(), uint64(in.byte())
				checkWitness(t, tree, model, position, id)
			case 11:
				// The tree goes on in another store, with only its records.
				store = store.Clone()
			}
		}
		checkModel(t, open(), model)
	})
}

func checkWitness(t *testing.T, tree *kvshard.Tree, model *modelTree, position uint64, id uint32) {
	t.Helper()
	w, err := tree.WitnessAt(position, id)
	at := model.find(id)
	switch {
	case at < 0:
		if !errors.Is(err, kvshard.ErrCheckpointNotFound) {
			t.Fatal(err)
		}
	case position >= model.checkpoints[at].Size:
		if !errors.Is(err, kvshard.ErrPositionNotFound) {
			t.Fatal(err)
		}
	case errors.Is(err, kvshard.ErrPruned):
		if !model.pruning {
			t.Fatalf("a marked leaf at %d was pruned", position)
		}
	case err != nil:
		t.Fatal(err)
	default:
		if err := w.Verify(model.root(t, model.checkpoints[at].Size), model.leaves[position]); err != nil {
			t.Fatal(err)
		}
	}
}

func checkModel(t *testing.T, tree *kvshard.Tree, model *modelTree) {
	t.Helper()
	if err := tree.Check(); err != nil {
		t.Fatal(err)
	}
	size := uint64(len(model.leaves))
	if got, err := tree.Size(); err != nil || got != size {
		t.Fatalf("size %d, %v, want %d", got, err, size)
	}
	if root, err := tree.Root(); err != nil || root != model.root(t, size) {
		t.Fatalf("root %s, %v", root, err)
	}
	n := 0
	for c, err := range tree.Checkpoints() {
		if err != nil || n >= len(model.checkpoints) || c != model.checkpoints[n] {
			t.Fatalf("checkpoint %d is %+v, %v; want %+v", n, c, err, model.checkpoints)
		}
		n++
		if root, err := tree.RootAt(c.ID); err != nil || root != model.root(t, c.Size) {
			t.Fatalf("root %s at %d, %v", root, c.ID, err)
		}
	}
	if n != len(model.checkpoints) {
		t.Fatalf("%d checkpoints, want %+v", n, model.checkpoints)
	}
}

// FuzzFrontier starts trees from arbitrary frontiers, as a genesis file may contain
// them.
func FuzzFrontier(f *testing.F) {
	orchardOnly(f, "what package hashtree checks of a frontier, it checks before the engine is called")
	f.Add(uint64(0), uint32(1), []byte{})
	f.Add(uint64(1), uint32(0), []byte{1})
	f.Add(uint64(1000), uint32(7), make([]byte, 32*9))
	f.Add(uint64(1)<<32, uint32(7), make([]byte, 32*33))
	f.Add(uint64(1)<<32+1, uint32(7), make([]byte, 32*2))
	f.Add(uint64(4), uint32(7), append(make([]byte, 64), strings.Repeat("\xff", 32)...))
	f.Fuzz(func(t *testing.T, size uint64, id uint32, data []byte) {
		in := &fuzzInput{data}
		frontier := kvshard.Frontier{Size: size, Leaf: in.node()}
		for len(in.rest) > 0 && len(frontier.Ommers) < 40 {
			frontier.Ommers = append(frontier.Ommers, in.node())
		}
		store := kvtest.Strict(t)
		tree := must(treetest.TryOpen(store))
		if err := tree.InsertFrontier(frontier, id); err != nil {
			if !errors.Is(err, kvshard.ErrInvalidArgument) && !errors.Is(err, kvshard.ErrInvalidNode) || store.Len() > 0 {
				t.Fatalf("%v, and %d records", err, store.Len())
			}
			return
		}
		if err := tree.Check(); err != nil {
			t.Fatal(err)
		}
		if got := must(tree.Frontier()); got.Size != size || got.Leaf != frontier.Leaf || len(got.Ommers) != len(frontier.Ommers) {
			t.Fatalf("%+v became %+v", frontier, got)
		}
		root := must(tree.Root())
		if root != must(tree.RootAt(id)) {
			t.Fatal("the checkpoint has another root")
		}
		if size == 0 {
			return
		}
		w := must(tree.Witness(size - 1))
		if err := w.Verify(root, frontier.Leaf); err != nil {
			t.Fatal(err)
		}
		if size == 1<<kvshard.Depth {
			if _, err := tree.Append(kvshard.Node{1}); !errors.Is(err, kvshard.ErrTreeFull) {
				t.Fatal(err)
			}
			return
		}
		if position := must(tree.Append(kvshard.Node{1})); position != size {
			t.Fatalf("position %d, want %d", position, size)
		}
		if err := tree.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzStore adds arbitrary records, as a genesis file or a hostile database may contain
// them, to those of a sound tree or of none, and makes every call.
func FuzzStore(f *testing.F) {
	f.Add([]byte{0, 0, 4, 1, 1, 2, 3})
	f.Add([]byte{1, 0, 0, 10, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte{1, 0, 6, 3, 1, 9, 9, 2, 0, 0})
	f.Add([]byte{2, 1, 0, 0, 33, 5})
	sound := soundStores(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &fuzzInput{data}
		store := sound[int(in.byte())%len(sound)].Clone()
		for n := 1 + in.byte()%4; n > 0; n-- {
			damageStore(store, in)
		}
		position, id := in.long()%(1<<33), uint32(in.byte()%16)
		err := must(treetest.TryOpen(store.Clone())).Check()
		// Each call on its own copy.
		try := func(op string, call func(*kvshard.Tree) error) {
			copied := store.Clone()
			failed := call(must(treetest.TryOpen(copied)))
			var e *kvshard.Error
			if failed != nil && !errors.As(failed, &e) {
				t.Fatalf("%s: %v is no *Error", op, failed)
			}
			// The strict store refuses the deletion of an absent record; only Check
			// could have seen that it is absent.
			if errors.Is(failed, kvshard.ErrInternal) || errors.Is(failed, kvshard.ErrStore) && err == nil {
				t.Fatalf("%s: %v", op, failed)
			}
			corrupt := errors.Is(failed, kvshard.ErrCorrupt) || errors.Is(failed, kvshard.ErrUnsupportedVersion)
			if corrupt && len(e.Key) == 0 {
				t.Fatalf("%s: %v names no key", op, failed)
			}
			if corrupt && err == nil {
				t.Fatalf("%s: %v, but Check finds nothing", op, failed)
			}
			if n := copied.OpenIterators(); n > 0 {
				t.Fatalf("%s left %d iterators open", op, n)
			}
		}
		discard := func(_ any, err error) error { return err }
		try("Append", func(tr *kvshard.Tree) error { return discard(tr.Append(kvshard.Node{1})) })
		try("AppendBatch", func(tr *kvshard.Tree) error { return discard(tr.AppendBatch(make([]kvshard.Node, 40))) })
		try("Checkpoint", func(tr *kvshard.Tree) error { return tr.Checkpoint(100) })
		try("Size", func(tr *kvshard.Tree) error { return discard(tr.Size()) })
		try("SizeAt", func(tr *kvshard.Tree) error { return discard(tr.SizeAt(id)) })
		try("Root", func(tr *kvshard.Tree) error { return discard(tr.Root()) })
		try("RootAt", func(tr *kvshard.Tree) error { return discard(tr.RootAt(id)) })
		try("Leaf", func(tr *kvshard.Tree) error { return discard(tr.Leaf(position)) })
		try("Witness", func(tr *kvshard.Tree) error { return discard(tr.Witness(position)) })
		try("WitnessAt", func(tr *kvshard.Tree) error { return discard(tr.WitnessAt(position, id)) })
		try("Rewind", func(tr *kvshard.Tree) error { return tr.Rewind(id) })
		try("Retain", func(tr *kvshard.Tree) error { return tr.RetainCheckpoint(id) })
		try("Release", func(tr *kvshard.Tree) error { return tr.ReleaseCheckpoint(id) })
		try("RemoveMark", func(tr *kvshard.Tree) error { return discard(tr.RemoveMark(position, id)) })
		try("Nodes", func(tr *kvshard.Tree) error { return discard(tr.Nodes(int(id%9), position>>(id%9), position%40)) })
		try("Newest", func(tr *kvshard.Tree) error { _, _, err := tr.Newest(); return err })
		try("Frontier", func(tr *kvshard.Tree) error { return discard(tr.Frontier()) })
		try("FrontierAt", func(tr *kvshard.Tree) error { return discard(tr.FrontierAt(id)) })
		try("FrontierAtSize", func(tr *kvshard.Tree) error { return discard(tr.FrontierAtSize(position)) })
		try("InsertFrontier", func(tr *kvshard.Tree) error { return tr.InsertFrontier(kvshard.Frontier{Size: 1}, 100) })
		try("Dump", func(tr *kvshard.Tree) error { return tr.Dump(io.Discard) })
		try("Checkpoints", func(tr *kvshard.Tree) (err error) {
			for _, err = range tr.Checkpoints() {
			}
			return err
		})
	})
}

// damageStore changes one record, or makes one up.
func damageStore(store *kvtest.MemStore, in *fuzzInput) {
	kind, pick, at := in.byte()%6, int(in.byte()), int(in.byte())
	records := store.Dump()
	if kind == 0 || len(records) == 0 {
		first, _ := kvshard.KeyRange(nil)
		key := append([]byte{first[0] + byte(pick%7)}, in.bytes(at%12)...)
		store.Put(key, in.bytes(int(in.byte())))
		return
	}
	record := records[pick%len(records)]
	value := record.Value
	if len(value) == 0 { // cut short before
		kind = 3
	}
	switch kind {
	case 1:
		value[at%len(value)] ^= 1 + in.byte()%255
	case 2:
		value = value[:at%len(value)]
	case 3:
		value = append(value, in.bytes(1+at%40)...)
	case 4:
		store.Remove(record.Key)
		return
	case 5:
		number := binary.LittleEndian.AppendUint64(nil, in.long())
		copy(value[at%len(value):], number)
	}
	store.Put(record.Key, value)
}

func soundStores(t testing.TB) []*kvtest.MemStore {
	blocks := func(sizes []int, from *kvshard.Frontier, retention kvshard.Retention) *kvtest.MemStore {
		store := kvtest.NewMemStore()
		tree := must(treetest.TryOpen(store, kvshard.WithMaxCheckpoints(3), kvshard.WithRetention(retention)))
		if from != nil {
			if err := tree.InsertFrontier(*from, 1); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range sizes {
			must(tree.AppendBatch(make([]kvshard.Node, n)))
			if err := tree.Checkpoint(uint32(i + 2)); err != nil {
				t.Fatal(err)
			}
		}
		return store
	}
	return []*kvtest.MemStore{
		kvtest.NewMemStore(),
		blocks([]int{5, 30, 1, 100, 7}, nil, kvshard.Marked),
		blocks([]int{5, 30, 1, 100, 7}, nil, kvshard.Ephemeral),
		blocks([]int{5, 200}, &kvshard.Frontier{Size: 1001, Ommers: make([]kvshard.Node, 6)}, kvshard.Marked),
	}
}
