//go:build cgo

package kvshard

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The keys of the tree's records, the twin of rust/src/keys.rs: the first
// byte tells the kind of record. Big-endian numbers make the order of the
// keys the order of what they name. The prefix of [WithPrefix] comes in front
// of all of them; the engine never sees it. testdata/keys.txt holds both
// files against one list of examples; FORMAT.md describes the values.
const (
	keyShard      = 0x0F // then u64 BE shard index: its leaves are at 16*index and up
	keyCap        = 0x10 // alone: the tree above the shards
	keyCheckpoint = 0x11 // then u32 BE checkpoint id
	keyRetained   = 0x12 // then u32 BE checkpoint id: exempt from pruning
	keyTip        = 0x13 // alone: size and newest completed nodes
	keySummary    = 0x14 // alone: number, oldest and newest of the checkpoints
	keyQuad       = 0x15 // then u8 level, u64 BE index: nodes 4*index to 4*index+3 of the level
)

// The second bytes of the keys beside the summary's, which begin with its byte.
const (
	keyPrunable    = 0x01 // then u32 BE checkpoint id: may be pruned
	keyRemoved     = 0x02 // then u32 BE checkpoint id, u64 BE position: a mark removed as of it
	keyRemovals    = 0x03 // then u64 BE position: the checkpoints as of which the mark was removed
	keyRetainedCut = 0x04 // then u64 BE position: retained checkpoints at this leaf without a mark
)

// KeyRange returns the range of the keys of the tree with this prefix (see
// [WithPrefix]; nil for none): from start up to end, which is not one of them.
// All records that the store has there are the tree's, and all of the tree's
// are there. So whoever copies them, in any order, copies the tree; see
// FORMAT.md for what they are. The slices are fresh.
func KeyRange(prefix []byte) (start, end []byte) {
	start = append(bytes.Clone(prefix), keyShard)
	end = append(bytes.Clone(prefix), keyQuad+1)
	return start, end
}

func shardKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyShard}, index)
}

func capKey() []byte { return []byte{keyCap} }

func checkpointKey(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{keyCheckpoint}, id)
}

func retainedKey(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{keyRetained}, id)
}

func tipKey() []byte { return []byte{keyTip} }

func summaryKey() []byte { return []byte{keySummary} }

func prunableKey(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{keySummary, keyPrunable}, id)
}

func removedKey(id uint32, position uint64) []byte {
	key := binary.BigEndian.AppendUint32([]byte{keySummary, keyRemoved}, id)
	return binary.BigEndian.AppendUint64(key, position)
}

func removalsKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keySummary, keyRemovals}, position)
}

func retainedCutKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keySummary, keyRetainedCut}, position)
}

func quadKey(level uint8, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyQuad, level}, index)
}

// keyName returns what a key, without the tree's prefix, stands for, in the
// words of testdata/keys.txt; "" if it is none of the tree's.
func keyName(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	kind, rest := key[0], key[1:]
	switch {
	case kind == keyShard && len(rest) == 8:
		return fmt.Sprintf("shard(%d)", binary.BigEndian.Uint64(rest))
	case kind == keyCap && len(rest) == 0:
		return "cap"
	case kind == keyCheckpoint && len(rest) == 4:
		return fmt.Sprintf("checkpoint(%d)", binary.BigEndian.Uint32(rest))
	case kind == keyRetained && len(rest) == 4:
		return fmt.Sprintf("retained(%d)", binary.BigEndian.Uint32(rest))
	case kind == keyTip && len(rest) == 0:
		return "tip"
	case kind == keySummary && len(rest) == 0:
		return "summary"
	case kind == keySummary:
		return nameBesideSummary(rest[0], rest[1:])
	case kind == keyQuad && len(rest) == 9:
		return fmt.Sprintf("quad(%d,%d)", rest[0], binary.BigEndian.Uint64(rest[1:]))
	default:
		return ""
	}
}

func nameBesideSummary(kind byte, rest []byte) string {
	switch {
	case kind == keyPrunable && len(rest) == 4:
		return fmt.Sprintf("prunable(%d)", binary.BigEndian.Uint32(rest))
	case kind == keyRemoved && len(rest) == 12:
		return fmt.Sprintf("removed(%d,%d)", binary.BigEndian.Uint32(rest), binary.BigEndian.Uint64(rest[4:]))
	case kind == keyRemovals && len(rest) == 8:
		return fmt.Sprintf("removals(%d)", binary.BigEndian.Uint64(rest))
	case kind == keyRetainedCut && len(rest) == 8:
		return fmt.Sprintf("retained_cut(%d)", binary.BigEndian.Uint64(rest))
	default:
		return ""
	}
}
