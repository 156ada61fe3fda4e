//go:build cgo

package kvshard

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// The keys of the tree's records. rust/src/keys.rs has the same table, and
// testdata/keys.txt holds both against one list of examples; FORMAT.md describes
// the values. The first byte tells the kind of record. Numbers are big-endian, so
// the keys sort as the numbers do. The prefix of [WithPrefix] stands in front of
// every key; the engine never sees it.
const (
	keyShard      = 0x0F // then u64 BE shard index: its leaves are at 16*index and up
	keyCap        = 0x10 // alone: the tree above the shards
	keyCheckpoint = 0x11 // then u32 BE checkpoint id
	keyRetained   = 0x12 // then u32 BE checkpoint id: exempt from pruning
	keyTip        = 0x13 // alone: size and newest completed nodes
	keySummary    = 0x14 // alone: number, oldest and newest of the checkpoints
	keyQuad       = 0x15 // then u8 level, u64 BE index: nodes 4*index to 4*index+3 of the level
)

// The second bytes of the keys beside the summary's. Their first byte is the
// summary's.
const (
	keyPrunable    = 0x01 // then u32 BE checkpoint id: may be pruned
	keyRemoved     = 0x02 // then u32 BE checkpoint id, u64 BE position: a mark removed as of it
	keyRemovals    = 0x03 // then u64 BE position: the checkpoints as of which the mark was removed
	keyRetainedCut = 0x04 // then u64 BE position: retained checkpoints at this leaf without a mark
)

// KeyRange returns the range of the keys of the tree with this prefix (see
// [WithPrefix]; nil for none): from start up to, but not including, end. All records
// in that range are the tree's, and all records of the tree are in it. To copy the
// tree, copy these records, in any order. The slices are fresh.
func KeyRange(prefix []byte) (start, end []byte) {
	start = append(bytes.Clone(prefix), keyShard)
	end = append(bytes.Clone(prefix), keyQuad+1)
	return start, end
}

// A RecordKind is a kind of record, as FORMAT.md has them.
type RecordKind uint8

// The kinds of records, in the order of FORMAT.md. The zero RecordKind is for a key
// that is not one of the tree's.
const (
	KindShard       RecordKind = iota + 1 // the leaves of a shard
	KindCap                               // the nodes of level 7 and up on the tree's edge
	KindCheckpoint                        // a checkpoint
	KindRetained                          // the checkpoint is retained
	KindTip                               // size and newest completed nodes
	KindSummary                           // of the checkpoints
	KindPrunable                          // the checkpoint may be pruned
	KindRemoved                           // a mark removed as of the checkpoint
	KindRemovals                          // the checkpoints as of which a mark was removed
	KindRetainedCut                       // how many retained checkpoints are at a leaf without a mark
	KindQuad                              // four nodes of a level
)

// A keyForm is the form of a kind's keys: first bytes that are all the same, then
// numbers.
type keyForm struct {
	name  string
	first []byte
	parts []keyPart
}

// A keyPart is a number in a key, big-endian.
type keyPart uint8

const (
	partCheckpoint keyPart = iota // u32
	partPosition                  // u64
	partLevel                     // u8
	partIndex                     // u64
)

var partBytes = [...]int{partCheckpoint: 4, partPosition: 8, partLevel: 1, partIndex: 8}

var keyForms = [...]keyForm{
	KindShard:       {"shard", []byte{keyShard}, []keyPart{partIndex}},
	KindCap:         {"cap", []byte{keyCap}, nil},
	KindCheckpoint:  {"checkpoint", []byte{keyCheckpoint}, []keyPart{partCheckpoint}},
	KindRetained:    {"retained", []byte{keyRetained}, []keyPart{partCheckpoint}},
	KindTip:         {"tip", []byte{keyTip}, nil},
	KindSummary:     {"summary", []byte{keySummary}, nil},
	KindPrunable:    {"prunable", []byte{keySummary, keyPrunable}, []keyPart{partCheckpoint}},
	KindRemoved:     {"removed", []byte{keySummary, keyRemoved}, []keyPart{partCheckpoint, partPosition}},
	KindRemovals:    {"removals", []byte{keySummary, keyRemovals}, []keyPart{partPosition}},
	KindRetainedCut: {"retained_cut", []byte{keySummary, keyRetainedCut}, []keyPart{partPosition}},
	KindQuad:        {"quad", []byte{keyQuad}, []keyPart{partLevel, partIndex}},
}

// RecordKinds returns all kinds, in the order of their keys. The slice is fresh.
func RecordKinds() []RecordKind {
	kinds := make([]RecordKind, 0, len(keyForms))
	for k := KindShard; int(k) < len(keyForms); k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// form returns the form of the kind's keys, nil if there is no such kind.
func (k RecordKind) form() *keyForm {
	if k < KindShard || int(k) >= len(keyForms) {
		return nil
	}
	return &keyForms[k]
}

// String returns the kind's name, such as "shard" or "retained_cut", and "" if it is
// none of the kinds.
func (k RecordKind) String() string {
	if form := k.form(); form != nil {
		return form.name
	}
	return ""
}

// KeyPrefix returns the bytes that the keys of this kind begin with, behind the
// prefix of [WithPrefix]; nil if it is not one of the kinds. Other keys begin with
// the key of KindSummary: for that kind KeyPrefix is the whole key. The slice is
// fresh.
func (k RecordKind) KeyPrefix() []byte {
	if form := k.form(); form != nil {
		return bytes.Clone(form.first)
	}
	return nil
}

// A RecordName names a record of a tree: its kind, and the numbers that the kind
// has. The other numbers are zero, so names can be compared with ==. The zero
// RecordName is for a key that is not one of the tree's.
type RecordName struct {
	Kind RecordKind
	// Checkpoint is an id: of KindCheckpoint, KindRetained, KindPrunable and
	// KindRemoved.
	Checkpoint uint32
	// Position is a leaf's: of KindRemoved, KindRemovals and KindRetainedCut.
	Position uint64
	// Level is that of the nodes of a KindQuad, counted from the leaves.
	Level uint8
	// Index is that of a KindShard, whose leaves begin at position
	// [LeavesPerShard] times Index, or of a KindQuad, whose nodes have the
	// indices 4*Index to 4*Index+3 of the level.
	Index uint64
}

// ParseRecordKey returns what a key stands for; the zero RecordName if it is not one
// of a tree's. The key has no prefix: from a key of the store, first cut off the
// prefix of [WithPrefix].
func ParseRecordKey(key []byte) RecordName {
	for kind := KindShard; int(kind) < len(keyForms); kind++ {
		form := &keyForms[kind]
		rest, found := bytes.CutPrefix(key, form.first)
		if !found || len(rest) != form.numberBytes() {
			continue
		}
		name := RecordName{Kind: kind}
		for _, part := range form.parts {
			number := uint64(0)
			for _, digit := range rest[:partBytes[part]] {
				number = number<<8 | uint64(digit)
			}
			name.set(part, number)
			rest = rest[partBytes[part]:]
		}
		return name
	}
	return RecordName{}
}

func (f *keyForm) numberBytes() (n int) {
	for _, part := range f.parts {
		n += partBytes[part]
	}
	return n
}

func (n *RecordName) set(part keyPart, number uint64) {
	switch part {
	case partCheckpoint:
		n.Checkpoint = uint32(number)
	case partPosition:
		n.Position = number
	case partLevel:
		n.Level = uint8(number)
	case partIndex:
		n.Index = number
	}
}

func (n RecordName) number(part keyPart) uint64 {
	switch part {
	case partCheckpoint:
		return uint64(n.Checkpoint)
	case partPosition:
		return n.Position
	case partLevel:
		return uint64(n.Level)
	default:
		return n.Index
	}
}

// Key returns the record's key without the prefix of [WithPrefix]; nil for a name of
// no kind. The slice is fresh.
func (n RecordName) Key() []byte {
	form := n.Kind.form()
	if form == nil {
		return nil
	}
	key := bytes.Clone(form.first)
	for _, part := range form.parts {
		number := binary.BigEndian.AppendUint64(nil, n.number(part))
		key = append(key, number[len(number)-partBytes[part]:]...)
	}
	return key
}

// String returns the name as FORMAT.md and [Tree.Check] have it, such as "shard(3)",
// "removed(7,300)" or "tip", and "" for a name of no kind.
func (n RecordName) String() string {
	form := n.Kind.form()
	if form == nil {
		return ""
	}
	if len(form.parts) == 0 {
		return form.name
	}
	numbers := make([]string, len(form.parts))
	for i, part := range form.parts {
		numbers[i] = strconv.FormatUint(n.number(part), 10)
	}
	return form.name + "(" + strings.Join(numbers, ",") + ")"
}
