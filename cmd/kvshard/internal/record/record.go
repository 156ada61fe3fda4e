// Package record knows a tree's records in a store: their keys, their names, and
// the leaves in a shard's (FORMAT.md).
package record

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// The first bytes of the keys, behind the prefix.
const (
	Shard      byte = 0x0F
	Cap        byte = 0x10
	Checkpoint byte = 0x11
	Retained   byte = 0x12
	Tip        byte = 0x13
	Summary    byte = 0x14
	Quad       byte = 0x15
)

// A Kind is the records whose keys begin alike.
type Kind struct {
	First byte // of their keys, behind the prefix
	Name  string
}

// Kinds are all that there are, in the order of their keys.
var Kinds = []Kind{
	{Shard, "shard"},
	{Cap, "cap"},
	{Checkpoint, "checkpoint"},
	{Retained, "retained"},
	{Tip, "tip"},
	{Summary, "summary"},
	{Quad, "quad"},
}

// Name tells what a key, without the prefix, stands for; "" if it is no
// key of a tree.
func Name(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	switch rest := key[1:]; {
	case key[0] == Shard && len(rest) == 8:
		return fmt.Sprintf("shard(%d)", binary.BigEndian.Uint64(rest))
	case key[0] == Cap && len(rest) == 0:
		return "cap"
	case key[0] == Checkpoint && len(rest) == 4:
		return fmt.Sprintf("checkpoint(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == Retained && len(rest) == 4:
		return fmt.Sprintf("retained(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == Tip && len(rest) == 0:
		return "tip"
	case key[0] == Summary && len(rest) == 0:
		return "summary"
	case key[0] == Summary:
		return besideSummary(rest[0], rest[1:])
	case key[0] == Quad && len(rest) == 9:
		return fmt.Sprintf("quad(%d,%d)", rest[0], binary.BigEndian.Uint64(rest[1:]))
	}
	return ""
}

// besideSummary names the records whose keys begin with the summary's.
func besideSummary(kind byte, rest []byte) string {
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

// A Record is one of a tree; its key has no prefix.
type Record struct{ Key, Value []byte }

// All yields a tree's records in the order of their keys, and last an error if
// one ends it. What else the store holds is left out.
func All(kv store.KVStore, prefix []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, kind := range Kinds {
			more, err := ofKind(kv, prefix, kind.First, yield)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// ofKind yields the records of a kind, and tells whether more are wanted.
func ofKind(kv store.KVStore, prefix []byte, first byte, yield func(Record, error) bool) (more bool, err error) {
	start := append(slices.Clone(prefix), first)
	end := append(slices.Clone(prefix), first+1)
	it, err := kv.Iterator(start, end)
	if err != nil {
		return false, err
	}
	for ; it.Valid(); it.Next() {
		if !yield(Record{it.Key()[len(prefix):], it.Value()}, nil) {
			_ = it.Close()
			return false, nil
		}
	}
	return true, cmp.Or(it.Error(), it.Close())
}

// ShardLeaves returns the leaves of a shard's record, in order, whether each of
// them is there up to the last, and whether each is marked (FORMAT.md: a
// pre-order tree, in which a subtree of which nothing was kept is one leaf of
// the record).
func ShardLeaves(value []byte) (leaves []kvshard.Node, whole, marked bool) {
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
