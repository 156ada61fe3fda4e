package view

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
)

// A Source is the tree to show.
type Source struct {
	Where  string // for people
	Tree   *kvshard.Tree
	KV     store.KVStore // what the tree is in
	Prefix []byte
	Leaf   *uint64 // position of a leaf whose witness to show, or nil
	Tell   func()  // called for each record that was read, unless nil
}

// maxRuns bounds the page: if the shards' lengths all differ, it tells those of
// the first.
const maxRuns = 5000

// shardLeaves is how many leaves a shard has.
const shardLeaves = 16

// readState reads what the page shows of a tree.
func readState(s Source) (v state, err error) {
	v = state{
		Where: s.Where, Prefix: hex.EncodeToString(s.Prefix), Checkpoints: []checkpoint{}, Kinds: map[string]kind{},
		ShardRuns: [][3]uint64{}, Windows: []window{}, Hashes: map[string]string{}, Ommers: [][3]any{},
	}
	if v.Size, err = s.Tree.Size(); err != nil {
		return v, err
	}
	if v.Root, err = s.Tree.Root(); err != nil {
		return v, err
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
	position := *s.Leaf
	found, err := s.Tree.Witness(position)
	if err != nil {
		return err
	}
	leaf, err := s.Tree.Leaf(position)
	if err != nil {
		return err
	}
	v.Witness = &witness{position, leaf, found.Path[:]}
	for level, node := range found.Path {
		v.addHash(level, position>>level^1, node)
	}
	return nil
}

func (v *state) addOmmers(tree *kvshard.Tree) error {
	frontier, err := tree.Frontier()
	if err != nil {
		return err
	}
	ommers := frontier.Ommers
	for level := 0; level < kvshard.Depth && len(ommers) > 0; level++ {
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
	for _, of := range record.Kinds {
		v.Kinds[of.Name] = kind{Key: v.Prefix + hex.EncodeToString([]byte{of.First})}
	}
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return err
		}
		if s.Tell != nil {
			s.Tell()
		}
		v.count(kindOf(r.Key), r, len(s.Prefix))
		switch {
		case r.Key[0] == record.Shard && len(r.Key) == 9:
			index := binary.BigEndian.Uint64(r.Key[1:])
			v.addShard(index, uint64(len(r.Value)))
			if leaves, _, _ := record.ShardLeaves(r.Value); v.isShown(index, s.Leaf) && len(leaves) > 0 {
				v.Windows = append(v.Windows, window{index * shardLeaves, leaves})
			}
		case r.Key[0] == record.Tip && len(r.Value) >= 18 && r.Value[1]&2 != 0: // FORMAT.md, the tip's origin
			v.Origin = binary.LittleEndian.Uint64(r.Value[10:])
		}
	}
	return nil
}

func kindOf(key []byte) string {
	for _, kind := range record.Kinds {
		if kind.First == key[0] {
			return kind.Name
		}
	}
	return ""
}

func (v *state) count(name string, r record.Record, prefix int) {
	k := v.Kinds[name]
	k.Records++
	k.Bytes += uint64(len(r.Value))
	k.KeyBytes += uint64(prefix + len(r.Key))
	v.Kinds[name] = k
}

// isShown tells whether the page gets the leaves of a shard: the first, the
// last, and those around the leaf that is proven. The others would make it large.
func (v *state) isShown(index uint64, leaf *uint64) bool {
	last := (max(v.Size, 1) - 1) / shardLeaves
	proven := leaf != nil && index+4 >= *leaf/shardLeaves && index <= *leaf/shardLeaves+4
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
	for v.FirstLeaf = v.Origin; v.Origin > 0 && v.FirstLeaf < v.Origin+shardLeaves; v.FirstLeaf++ {
		if _, err := tree.Leaf(v.FirstLeaf); !errors.Is(err, kvshard.ErrPruned) {
			return err
		}
	}
	return nil
}
