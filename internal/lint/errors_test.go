package lint

import (
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// sentinels are the errors that a method of Tree documents as its own. The others
// are those of every method.
var sentinels = map[string]error{
	"ErrInvalidNode": kvshard.ErrInvalidNode, "ErrInvalidArgument": kvshard.ErrInvalidArgument,
	"ErrTreeFull": kvshard.ErrTreeFull, "ErrCheckpointOrder": kvshard.ErrCheckpointOrder,
	"ErrNotEmpty": kvshard.ErrNotEmpty, "ErrPositionNotFound": kvshard.ErrPositionNotFound,
	"ErrPruned": kvshard.ErrPruned, "ErrRootMismatch": kvshard.ErrRootMismatch, "ErrCheckpointNotFound": kvshard.ErrCheckpointNotFound,
}

// failingCalls has calls on the trees of TestDocumentedErrors, by method: each
// fails.
var failingCalls = map[string][]func(ephemeral, full, empty *kvshard.Tree) error{
	"Append": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Append(kvshard.Node{31: 0xFF}); return err },
		func(_, full, _ *kvshard.Tree) error { _, err := full.Append(kvshard.Node{1}); return err },
	},
	"AppendBatch": {
		func(tree, _, _ *kvshard.Tree) error {
			_, err := tree.AppendBatch([]kvshard.Node{{1}, {31: 0xFF}})
			return err
		},
		func(_, full, _ *kvshard.Tree) error { _, err := full.AppendBatch(make([]kvshard.Node, 3)); return err },
	},
	"Checkpoint": {
		func(tree, _, _ *kvshard.Tree) error { return tree.Checkpoint(10) },
		func(tree, _, _ *kvshard.Tree) error { return tree.Checkpoint(math.MaxUint32) },
	},
	"SizeAt": {func(tree, _, _ *kvshard.Tree) error { _, err := tree.SizeAt(9); return err }},
	"RootAt": {func(tree, _, _ *kvshard.Tree) error { _, err := tree.RootAt(9); return err }},
	"Leaf": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Leaf(1 << 40); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Leaf(3); return err },
	},
	"Nodes": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Nodes(kvshard.Depth+1, 0, 1); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Nodes(4, 2, 1); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Nodes(0, 3, 1); return err },
	},
	"FrontierAt": {func(tree, _, _ *kvshard.Tree) error { _, err := tree.FrontierAt(9); return err }},
	"FrontierAtSize": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.FrontierAtSize(1 << 20); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.FrontierAtSize(7); return err },
	},
	"Adopt": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Adopt(kvshard.Node{1}); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Adopt(kvshard.Node{31: 0xFF}); return err },
	},
	"Witness": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Witness(1 << 40); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.Witness(3); return err },
	},
	"WitnessAt": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.WitnessAt(3, 9); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.WitnessAt(20, 10); return err }, // appended later
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.WitnessAt(3, 10); return err },
	},
	"Rewind":            {func(tree, _, _ *kvshard.Tree) error { return tree.Rewind(9) }},
	"RetainCheckpoint":  {func(tree, _, _ *kvshard.Tree) error { return tree.RetainCheckpoint(9) }},
	"ReleaseCheckpoint": {func(tree, _, _ *kvshard.Tree) error { return tree.ReleaseCheckpoint(9) }},
	"RemoveMark": {
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.RemoveMark(3, 9); return err },
		func(tree, _, _ *kvshard.Tree) error { _, err := tree.RemoveMark(20, 10); return err },
	},
	"InsertFrontier": {
		func(_, _, empty *kvshard.Tree) error { return empty.InsertFrontier(kvshard.Frontier{Size: 2}, 20) },
		func(_, _, empty *kvshard.Tree) error {
			return empty.InsertFrontier(kvshard.Frontier{Size: 1, Leaf: kvshard.Node{31: 0xFF}}, 20)
		},
		func(tree, _, _ *kvshard.Tree) error { return tree.InsertFrontier(kvshard.Frontier{Size: 1}, 20) },
		func(_, _, empty *kvshard.Tree) error { return empty.InsertFrontier(kvshard.Frontier{Size: 1}, 10) },
	},
	"Dump": {func(tree, _, _ *kvshard.Tree) error { return tree.Dump(nil) }},
}

// TestDocumentedErrors: the documentation of each method of Tree names the errors
// that calls have shown to come from it, and no others.
func TestDocumentedErrors(t *testing.T) {
	open := func(opts ...kvshard.Option) *kvshard.Tree { return treetest.Open(t, kvtest.Strict(t), opts...) }
	ephemeral, full, empty := open(kvshard.WithRetention(kvshard.Ephemeral)), open(), open()
	// A frontier of 2^32 leaves has an ommer at each level.
	whole := kvshard.Frontier{Size: 1 << 32, Ommers: make([]kvshard.Node, kvshard.Depth)}
	treetest.Grow(t, ephemeral, 20)
	for _, err := range []error{ephemeral.Checkpoint(10), full.InsertFrontier(whole, 1), empty.Checkpoint(10)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	treetest.Grow(t, ephemeral, 40)

	names := regexp.MustCompile(`\[(Err\w+)\]`)
	docs := treeDocs(t)
	for method, d := range docs {
		var documented, shown []string
		for _, m := range names.FindAllStringSubmatch(d.errors, -1) {
			if sentinels[m[1]] != nil && !slices.Contains(documented, m[1]) {
				documented = append(documented, m[1])
			}
		}
		for i, call := range failingCalls[method] {
			err := call(ephemeral, full, empty)
			found := false
			for name, sentinel := range sentinels {
				if errors.Is(err, sentinel) {
					found = true
					shown = append(shown, name)
				}
			}
			if !found {
				t.Errorf("Tree.%s, call %d: %v, want one of the errors of methods", method, i, err)
			}
		}
		if len(documented)+len(shown) > 0 {
			expectSame(t, "the documentation of Tree."+method, documented, shown)
		}
	}
	for method := range failingCalls {
		if _, found := docs[method]; !found {
			t.Errorf("Tree has no method %s", method)
		}
	}
	if err := ephemeral.Dump(io.Discard); err != nil {
		t.Errorf("the tree is not sound after calls that failed: %v", err)
	}
}
