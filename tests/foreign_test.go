package tests

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// everyCall makes each call of a Tree, and returns the errors by the call's name.
func everyCall(tree *kvshard.Tree) map[string]error {
	errOf := func(_ any, err error) error { return err }
	checkpoints := func() (err error) {
		for _, err = range tree.Checkpoints() {
		}
		return err
	}
	newest := func() error {
		_, _, err := tree.Newest()
		return err
	}
	return map[string]error{
		"Append":            errOf(tree.Append(treetest.LeafAt(0))),
		"AppendBatch":       errOf(tree.AppendBatch(treetest.LeavesAt(0, 20))),
		"Check":             tree.Check(),
		"Checkpoint":        tree.Checkpoint(9),
		"Checkpoints":       checkpoints(),
		"Dump":              tree.Dump(io.Discard),
		"Frontier":          errOf(tree.Frontier()),
		"FrontierAt":        errOf(tree.FrontierAt(1)),
		"FrontierAtSize":    errOf(tree.FrontierAtSize(1)),
		"Nodes":             errOf(tree.Nodes(0, 0, 1)),
		"Newest":            newest(),
		"InsertFrontier":    tree.InsertFrontier(kvshard.Frontier{Size: 1, Leaf: treetest.LeafAt(0)}, 9),
		"Leaf":              errOf(tree.Leaf(0)),
		"ReleaseCheckpoint": tree.ReleaseCheckpoint(1),
		"RemoveMark":        errOf(tree.RemoveMark(0, 1)),
		"RetainCheckpoint":  tree.RetainCheckpoint(1),
		"Rewind":            tree.Rewind(1),
		"Root":              errOf(tree.Root()),
		"RootAt":            errOf(tree.RootAt(1)),
		"Size":              errOf(tree.Size()),
		"SizeAt":            errOf(tree.SizeAt(1)),
		"Witness":           errOf(tree.Witness(0)),
		"WitnessAt":         errOf(tree.WitnessAt(0, 1)),
	}
}

// TestForeignStores: where there are shards and no tip, every call says that the
// store is not kvshard's, names the key, and writes nothing.
func TestForeignStores(t *testing.T) {
	prefix := []byte("notes/")
	// What a plain ShardTree leaves behind: shards and checkpoints, and no tip.
	foreign := kvtest.NewMemStore()
	own := kvtest.NewMemStore()
	if _, err := treetest.Block(treetest.Open(t, own), 0, 40, 1); err != nil {
		t.Fatal(err)
	}
	for _, pair := range own.Dump() {
		switch kvshard.ParseRecordKey(pair.Key).Kind {
		case kvshard.KindShard, kvshard.KindCap, kvshard.KindCheckpoint, kvshard.KindRetained:
			foreign.Put(append(bytes.Clone(prefix), pair.Key...), pair.Value)
		}
	}
	clash := kvtest.NewMemStore()
	first := string(prefix) + string(kvshard.RecordName{Kind: kvshard.KindShard}.Key())
	mine := string(prefix) + string(kvshard.KindShard.KeyPrefix()) + "mine"
	clash.Put([]byte(mine), []byte("a module's own"))

	for name, c := range map[string]struct {
		mem *kvtest.MemStore
		key string
	}{
		"a plain ShardTree": {foreign, first},
		"a module's key":    {clash, mine},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.mem.Clone()
			tree := treetest.Open(t, c.mem, kvshard.WithPrefix(prefix))
			made := everyCall(tree)
			for _, method := range methodsOfTree() {
				if method == "Adopt" {
					continue // Adopt is for such a store: see TestAdopt
				}
				err := made[method]
				var e *kvshard.Error
				if !errors.Is(err, kvshard.ErrForeignStore) || !errors.As(err, &e) || string(e.Key) != c.key {
					t.Errorf("%s: %v, want ErrForeignStore of key %x", method, err, c.key)
				}
			}
			if !before.Equal(c.mem) {
				t.Errorf("the store has changed:\n%s", before.Diff(c.mem))
			}
			if err := tree.Checkpoint(9); !strings.Contains(err.Error(), "give the tree a prefix") {
				t.Errorf("%v: it does not say what to do", err)
			}
		})
	}
}

// TestKeysOfTheModule: if the module's own record lies at the key of the tip or
// the summary, the error says what it probably is.
func TestKeysOfTheModule(t *testing.T) {
	for _, kind := range []kvshard.RecordKind{kvshard.KindTip, kvshard.KindSummary} {
		key, mem := kind.KeyPrefix(), kvtest.NewMemStore()
		mem.Put(key, []byte("m"))
		err := treetest.Open(t, mem).Checkpoint(1)
		if !errors.Is(err, kvshard.ErrUnsupportedVersion) || !strings.Contains(err.Error(), "give the tree a prefix") {
			t.Errorf("key %x: %v, want ErrUnsupportedVersion and what to do", key, err)
		}
	}
}

// TestHighestCheckpoint: the highest id is refused, because no other could follow
// it.
func TestHighestCheckpoint(t *testing.T) {
	mem := kvtest.Strict(t)
	tree := treetest.Open(t, mem)
	treetest.Grow(t, tree, 1)
	before := mem.Clone()
	for _, err := range []error{
		tree.Checkpoint(math.MaxUint32),
		treetest.Open(t, kvtest.Strict(t)).InsertFrontier(kvshard.Frontier{Size: 1, Leaf: treetest.LeafAt(0)}, math.MaxUint32),
	} {
		if !errors.Is(err, kvshard.ErrCheckpointOrder) || !strings.Contains(err.Error(), "cast of -1") {
			t.Errorf("%v, want ErrCheckpointOrder", err)
		}
	}
	if !before.Equal(mem) {
		t.Errorf("the store has changed:\n%s", before.Diff(mem))
	}
	if err := tree.Checkpoint(math.MaxUint32 - 1); err != nil {
		t.Error(err)
	}
}
