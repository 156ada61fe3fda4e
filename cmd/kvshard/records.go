package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// The kinds of records by the first byte of their keys (FORMAT.md).
var kinds = []struct {
	first      byte
	name, what string
}{
	{0x0F, "shard", "16 leaves"},
	{0x10, "cap", "the edge above level 6"},
	{0x11, "checkpoint", "a state"},
	{0x12, "retained", "exempt from pruning"},
	{0x13, "tip", "size and edge"},
	{0x14, "summary", "of the checkpoints, and what waits for them"},
	{0x15, "quad", "four complete nodes"},
}

// recordName tells what a key, without the prefix, stands for; "" if it is no
// key of a tree.
func recordName(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	switch rest := key[1:]; {
	case key[0] == 0x0F && len(rest) == 8:
		return fmt.Sprintf("shard(%d)", binary.BigEndian.Uint64(rest))
	case key[0] == 0x10 && len(rest) == 0:
		return "cap"
	case key[0] == 0x11 && len(rest) == 4:
		return fmt.Sprintf("checkpoint(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == 0x12 && len(rest) == 4:
		return fmt.Sprintf("retained(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == 0x13 && len(rest) == 0:
		return "tip"
	case key[0] == 0x14 && len(rest) == 0:
		return "summary"
	case key[0] == 0x14:
		return nameBesideSummary(rest[0], rest[1:])
	case key[0] == 0x15 && len(rest) == 9:
		return fmt.Sprintf("quad(%d,%d)", rest[0], binary.BigEndian.Uint64(rest[1:]))
	}
	return ""
}

// nameBesideSummary names the records whose keys begin with the summary's.
func nameBesideSummary(kind byte, rest []byte) string {
	switch {
	case kind == 0x01 && len(rest) == 4:
		return fmt.Sprintf("prunable(%d)", binary.BigEndian.Uint32(rest))
	case kind == 0x02 && len(rest) == 12:
		return fmt.Sprintf("removed(%d,%d)", binary.BigEndian.Uint32(rest), binary.BigEndian.Uint64(rest[4:]))
	case kind == 0x03 && len(rest) == 8:
		return fmt.Sprintf("removals(%d)", binary.BigEndian.Uint64(rest))
	case kind == 0x04 && len(rest) == 8:
		return fmt.Sprintf("retained_cut(%d)", binary.BigEndian.Uint64(rest))
	}
	return ""
}

// A record of the tree; its key has no prefix.
type record struct{ key, value []byte }

// records yields the tree's records in the order of their keys, until yield
// returns an error. What else the store holds is left out.
func records(kv store.KVStore, prefix []byte, yield func(record) error) error {
	for _, kind := range kinds {
		start := append(append([]byte{}, prefix...), kind.first)
		end := append(append([]byte{}, prefix...), kind.first+1)
		it, err := kv.Iterator(start, end)
		if err != nil {
			return err
		}
		for ; it.Valid(); it.Next() {
			if err := yield(record{it.Key()[len(prefix):], it.Value()}); err != nil {
				_ = it.Close()
				return err
			}
		}
		if err := it.Error(); err != nil {
			_ = it.Close()
			return err
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return nil
}

// shardLeaves returns the leaves of a shard's record, in order, whether each of
// them is there up to the last, and whether each is marked (FORMAT.md: a
// pre-order tree, in which a subtree of which nothing was kept is one leaf of
// the record).
func shardLeaves(value []byte) (leaves []kvshard.Node, whole, marked bool) {
	marked = true
	rest, ended := value, false
	take := func(n int) []byte {
		if len(rest) < n {
			return nil
		}
		taken := rest[:n]
		rest = rest[n:]
		return taken
	}
	var walk func(level int) bool
	walk = func(level int) bool {
		tag := take(1)
		if tag == nil {
			return false
		}
		switch tag[0] {
		case 0: // nothing, so nothing behind it
			ended = true
			return true
		case 1:
			leaf := take(33)
			if leaf == nil || level > 0 || ended {
				return false
			}
			leaves = append(leaves, kvshard.Node(leaf[:32]))
			marked = marked && leaf[32] == 2
			return true
		case 2:
			annotated := take(1)
			if annotated == nil || level == 0 || annotated[0] == 1 && take(32) == nil {
				return false
			}
			left := walk(level - 1)
			return left && walk(level-1)
		}
		return false
	}
	version := take(1)
	whole = version != nil && version[0] == 1 && walk(4) && len(rest) == 0
	return leaves, whole, marked
}

// A leafReader reads a tree's leaves, a shard's record for sixteen of them.
type leafReader struct {
	s      *source
	tree   *kvshard.Tree
	read   bool
	index  uint64
	leaves []kvshard.Node // of the shard at index; nil if not all of them were kept
}

// leaf does as Tree.Leaf does.
func (r *leafReader) leaf(position uint64) (kvshard.Node, error) {
	if index := position / 16; !r.read || index != r.index {
		key := binary.BigEndian.AppendUint64(append(slices.Clip(r.s.prefix), 0x0F), index)
		value, err := r.s.kv.Get(key)
		if err != nil {
			return kvshard.Node{}, err
		}
		leaves, whole, _ := shardLeaves(value)
		if !whole {
			leaves = nil
		}
		r.read, r.index, r.leaves = true, index, leaves
	}
	if i := position % 16; i < uint64(len(r.leaves)) {
		return r.leaves[i], nil
	}
	return r.tree.Leaf(position)
}
