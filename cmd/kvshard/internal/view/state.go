package view

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
)

// A Source is the tree to show.
type Source struct {
	Where  string // for people
	Scheme *schemes.Scheme
	Tree   *kvshard.Tree
	KV     store.KVStore // what the tree is in
	Prefix []byte
	Leaf   *uint64 // position of a leaf whose witness to show, or nil
	Tell   func()  // called for each record that was read, unless nil
}

// Lacks is what the page does not show of a tree whose scheme is not known.
const Lacks = "root and no frontier"

// maxRuns bounds the page. If the shards' lengths all differ, the page has those of the
// first ones.
const maxRuns = 5000

// readState reads what the page shows of a tree.
func readState(s Source) (v state, err error) {
	v = state{
		Where: s.Where, Scheme: s.Scheme.Label(), Depth: s.Scheme.Depth, Lacking: s.Scheme.Lacking(Lacks), Prefix: hex.EncodeToString(s.Prefix), Checkpoints: []checkpoint{},
		ShardRuns: [][3]uint64{}, Windows: []window{}, Hashes: map[string]string{}, Ommers: [][3]any{},
	}
	v.Kinds = v.kinds()
	if v.Size, err = s.Tree.Size(); err != nil {
		return v, err
	}
	if v.Lacking == "" {
		root, err := s.Tree.Root()
		if err != nil {
			return v, err
		}
		v.Root = root.String()
	}
	for c, err := range s.Tree.Checkpoints() {
		if err != nil {
			return v, err
		}
		v.Checkpoints = append(v.Checkpoints, checkpoint(c))
	}
	for _, part := range []func() error{
		func() error { return v.addWitness(s) },
		func() error { return v.addOmmers(s.Tree) },
		func() error { return v.addRecords(s) },
		func() error { return v.findFirstLeaf(s.Tree) },
	} {
		if err := part(); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (v *state) addHash(level int, index uint64, node kvshard.Node) {
	v.Hashes[fmt.Sprintf("%d:%d", level, index)] = node.String()
}

func (v *state) addWitness(s Source) error {
	if s.Leaf == nil {
		return nil
	}
	if err := s.Scheme.Unknown(); err != nil {
		return err
	}
	position := *s.Leaf
	found, err := s.Tree.Witness(position)
	if err != nil {
		return err
	}
	leaf, err := s.Tree.Leaf(position)
	if err != nil {
		return err
	}
	v.Witness = &witness{position, leaf, found.Path[:v.Depth]}
	for level, node := range v.Witness.Path {
		v.addHash(level, position>>level^1, node)
	}
	return nil
}

func (v *state) addOmmers(tree *kvshard.Tree) error {
	if v.Lacking != "" {
		return nil
	}
	frontier, err := tree.Frontier()
	if err != nil {
		return err
	}
	ommers := frontier.Ommers
	for level := 0; level < v.Depth && len(ommers) > 0; level++ {
		if index := (v.Size - 1) >> level; index&1 == 1 {
			v.Ommers = append(v.Ommers, [3]any{level, index - 1, ommers[0].String()})
			v.addHash(level, index-1, ommers[0])
			ommers = ommers[1:]
		}
	}
	return nil
}

// addRecords counts the records of each kind, notes how long the shards are,
// and takes the leaves of those that are looked at first.
func (v *state) addRecords(s Source) error {
	for r, err := range kvshard.Records(s.KV, kvshard.WithPrefix(s.Prefix)) {
		if err != nil {
			return err
		}
		if s.Tell != nil {
			s.Tell()
		}
		name := r.Name()
		v.count(name.Kind, r)
		switch name.Kind {
		case kvshard.KindShard:
			v.addShard(name.Index, uint64(len(r.Value)))
			if v.isShown(name.Index, s.Leaf) {
				v.addWindow(name.Index, r)
			}
		case kvshard.KindTip:
			if tip, err := r.Tip(); err == nil {
				v.Origin = tip.Origin
			}
		}
	}
	return nil
}

// kinds are all kinds of records, with nothing counted. The records beside the summary,
// which only some trees have, are left out until there is one.
func (v *state) kinds() map[string]kind {
	all := map[string]kind{}
	for _, of := range kvshard.RecordKinds() {
		switch of {
		case kvshard.KindPrunable, kvshard.KindRemoved, kvshard.KindRemovals, kvshard.KindRetainedCut:
		default:
			all[of.String()] = v.kind(of)
		}
	}
	return all
}

func (v *state) kind(of kvshard.RecordKind) kind {
	return kind{Key: v.Prefix + hex.EncodeToString(of.KeyPrefix())}
}

func (v *state) count(of kvshard.RecordKind, r kvshard.Record) {
	name := cmp.Or(of.String(), "unknown")
	k, there := v.Kinds[name]
	if !there {
		k = v.kind(of)
	}
	k.Records++
	k.Bytes += uint64(len(r.Value))
	k.KeyBytes += uint64(hex.DecodedLen(len(v.Prefix)) + len(r.Key))
	v.Kinds[name] = k
}

// addWindow adds the leaves of a shard, from the first one as far as they were kept. A
// broken record has none.
func (v *state) addWindow(index uint64, r kvshard.Record) {
	shard, err := r.Shard()
	if err != nil {
		return
	}
	first := index * kvshard.LeavesPerShard
	var leaves []kvshard.Node
	for i, leaf := range shard.Leaves {
		if leaf.Position != first+uint64(i) {
			break
		}
		leaves = append(leaves, leaf.Node)
	}
	if len(leaves) > 0 {
		v.Windows = append(v.Windows, window{first, leaves})
	}
}

// isShown tells whether the page gets the leaves of a shard: of the first, the last, and
// those around the proven leaf. All leaves would make it too large.
func (v *state) isShown(index uint64, leaf *uint64) bool {
	last := (max(v.Size, 1) - 1) / kvshard.LeavesPerShard
	proven := leaf != nil && index+4 >= *leaf/kvshard.LeavesPerShard && index <= *leaf/kvshard.LeavesPerShard+4
	return index < 4 || index+8 > last || proven
}

// addShard notes a shard's length; shards of one length are a run.
func (v *state) addShard(index, size uint64) {
	if n := len(v.ShardRuns); n > 0 {
		if run := &v.ShardRuns[n-1]; run[1]+1 == index && run[2] == size {
			run[1] = index
			return
		}
		if n == maxRuns {
			return
		}
	}
	v.ShardRuns = append(v.ShardRuns, [3]uint64{index, index, size})
}

// findFirstLeaf looks for the first leaf of a tree that started from a frontier.
func (v *state) findFirstLeaf(tree *kvshard.Tree) error {
	for v.FirstLeaf = v.Origin; v.Origin > 0 && v.FirstLeaf < v.Origin+kvshard.LeavesPerShard; v.FirstLeaf++ {
		if _, err := tree.Leaf(v.FirstLeaf); !errors.Is(err, kvshard.ErrPruned) {
			return err
		}
	}
	return nil
}
