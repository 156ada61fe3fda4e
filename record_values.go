//go:build cgo

package kvshard

import (
	"encoding/binary"
	"fmt"
	"math"
)

// This file reads values of records for those who are not the engine. The engine
// reads them with rust/src/codec.rs, which checks more: the tree's hash says what a
// node may be, and its depth how large the tree may be. What is read here is the
// same for trees of every hash and depth.

// LeavesPerShard is how many leaves a full shard has.
const LeavesPerShard = 1 << shardHeight

// shardHeight is the level of a shard's root.
const shardHeight = 4

// A ShardLeaf is a leaf that a shard's record holds.
type ShardLeaf struct {
	// Position is the leaf's in the tree.
	Position uint64
	// Node is its value. It is not checked to be canonical.
	Node Node
	// Marked tells that it is kept for its own sake, so that it can be proven. The
	// others are kept for the frontier or a checkpoint.
	Marked bool
}

// A ShardRecord is what the record of a shard holds.
type ShardRecord struct {
	// Index is the shard's: its first leaf is at position LeavesPerShard*Index.
	Index uint64
	// Leaves are those that the record holds, in the order of their positions.
	Leaves []ShardLeaf
	// Whole tells that Leaves has each leaf from the shard's first one up to its
	// last: none was left out because nothing keeps it.
	Whole bool
}

// Shard reads the record of a shard.
//
// Errors: [ErrInvalidArgument] for a record of another kind; [ErrCorrupt] or
// [ErrUnsupportedVersion] for a value that is not a shard's, with the record's key
// in [Error.Key], without the prefix of [WithPrefix].
//
// Cost: no hash, and no store.
func (r Record) Shard() (ShardRecord, error) {
	const op = "Record.Shard"
	name, in, err := r.open(op, KindShard)
	if err != nil {
		return ShardRecord{}, err
	}
	if name.Index > math.MaxUint64/LeavesPerShard {
		return ShardRecord{}, in.corrupt("no tree has so many shards")
	}
	in.version()
	w := shardWalk{in: in, first: name.Index * LeavesPerShard, whole: true}
	w.subtree(shardHeight, 0)
	if err := in.end(); err != nil {
		return ShardRecord{}, err
	}
	return ShardRecord{name.Index, w.leaves, w.whole}, nil
}

// The tags and flags of a tree's nodes in pre-order, see FORMAT.md.
const (
	tagNil    = 0
	tagLeaf   = 1
	tagParent = 2

	flagCheckpoint = 1
	flagMarked     = 2
)

// A shardWalk reads a shard's tree in pre-order.
type shardWalk struct {
	in     *valueReader
	first  uint64 // position of the shard's first leaf
	leaves []ShardLeaf
	ended  bool // nothing is there from here on
	whole  bool
}

// subtree reads the subtree of a level. Its first leaf is offset leaves behind the
// shard's first. The level bounds the depth.
func (w *shardWalk) subtree(level int, offset uint64) {
	tag := w.in.byte("a node")
	if w.in.err != nil {
		return
	}
	switch tag {
	case tagNil:
		w.ended = true
		return
	case tagLeaf:
		w.whole = w.whole && level == 0 && !w.ended
		w.leaf(level, offset)
	case tagParent:
		if level == 0 {
			_ = w.in.corrupt("a parent at level 0")
			return
		}
		w.annotation()
		w.subtree(level-1, offset)
		w.subtree(level-1, offset+1<<(level-1))
	default:
		_ = w.in.corrupt("unknown node tag %d", tag)
	}
}

func (w *shardWalk) leaf(level int, offset uint64) {
	node, flags := w.in.node("a node's hash"), w.in.byte("a node's flags")
	switch {
	case w.in.err != nil:
	case flags&^(flagCheckpoint|flagMarked) != 0:
		_ = w.in.corrupt("unknown retention flags %#02x", flags)
	case level == 0:
		w.leaves = append(w.leaves, ShardLeaf{w.first + offset, node, flags&flagMarked != 0})
	}
}

func (w *shardWalk) annotation() {
	switch annotated := w.in.byte("whether there is an annotation"); annotated {
	case 0:
	case 1:
		w.in.node("an annotation")
	default:
		_ = w.in.corrupt("unknown annotation marker %d", annotated)
	}
}

// A CheckpointRecord is what the record of a checkpoint holds.
type CheckpointRecord struct {
	// ID is the checkpoint's.
	ID uint32
	// Size is the number of leaves at the checkpoint.
	Size uint64
	// RemovedMarks are the positions of the marks that were removed within this
	// record. There are none since removed marks have records of their own, of
	// KindRemoved.
	RemovedMarks []uint64
}

// Checkpoint reads the record of a checkpoint.
//
// Errors: those of [Record.Shard].
//
// Cost: no hash, and no store.
func (r Record) Checkpoint() (CheckpointRecord, error) {
	const op = "Record.Checkpoint"
	name, in, err := r.open(op, KindCheckpoint)
	if err != nil {
		return CheckpointRecord{}, err
	}
	c := CheckpointRecord{ID: name.Checkpoint}
	there, position := in.byte("whether there is a position"), in.u64("the position")
	count := in.u32("the number of removed marks")
	switch {
	case in.err != nil:
		return CheckpointRecord{}, in.err
	case there > 1 || there == 0 && position > 0 || position == math.MaxUint64:
		return CheckpointRecord{}, in.corrupt("position marker %d, position %d", there, position)
	case uint64(len(in.rest)) != 8*uint64(count): // before anything is made of so many
		return CheckpointRecord{}, in.corrupt("%d removed marks in %d bytes", count, len(in.rest))
	case there == 1:
		c.Size = position + 1
	}
	for range count {
		c.RemovedMarks = append(c.RemovedMarks, in.u64("a removed mark"))
	}
	return c, in.end()
}

// A TipRecord is what the tip says of the whole tree. Its nodes, and what further
// flags stand for, are not read.
type TipRecord struct {
	// Size is the number of leaves, with those after the newest checkpoint.
	Size uint64
	// Origin is the number of leaves before the first shard: above 0 in a tree that
	// began with a frontier of more than [LeavesPerShard] leaves.
	Origin uint64
	// NewestMarked tells that the newest leaf is marked.
	NewestMarked bool
	// Scheme is the fingerprint of the scheme that the tree was made with, as
	// Scheme.Fingerprint of package hashtree returns it; zero in an Orchard tree, whose
	// tip has none.
	Scheme [8]byte
}

// Tip reads the record of the tip.
//
// Errors: those of [Record.Shard].
//
// Cost: no hash, and no store.
func (r Record) Tip() (TipRecord, error) {
	const op = "Record.Tip"
	const newestMarked, started, scheme = 1, 2, 4
	_, in, err := r.open(op, KindTip)
	if err != nil {
		return TipRecord{}, err
	}
	in.version()
	flags := in.byte("the flags")
	t := TipRecord{Size: in.u64("the size"), NewestMarked: flags&newestMarked != 0}
	if flags&started != 0 {
		t.Origin = in.u64("the origin")
	}
	if flags&scheme != 0 {
		t.Scheme = [8]byte(in.take(len(t.Scheme), "the fingerprint of the scheme"))
	}
	switch {
	case in.err != nil:
		return TipRecord{}, in.err
	case t.Size == 0 || t.Origin >= t.Size:
		return TipRecord{}, in.corrupt("an origin of %d at size %d", t.Origin, t.Size)
	}
	return t, nil
}

// open returns the record's name and a reader of its value, if it is of this kind.
func (r Record) open(op string, kind RecordKind) (RecordName, *valueReader, error) {
	name := r.Name()
	if name.Kind != kind {
		return name, nil, invalidArgument(op, "the record with key %x is no %s", r.Key, kind)
	}
	return name, &valueReader{op: op, key: r.Key, rest: r.Value}, nil
}

// A valueReader reads a value from its beginning, and keeps the first error. Whatever
// is read after an error is zero.
type valueReader struct {
	op        string
	key, rest []byte
	err       error
}

// corrupt keeps the error that says what is wrong, and returns the first one.
func (in *valueReader) corrupt(format string, args ...any) error {
	return in.fail(ErrCorrupt, fmt.Sprintf(format, args...))
}

func (in *valueReader) fail(kind error, what string) error {
	if in.err == nil {
		in.err = &Error{Op: in.op, Kind: kind, What: what, Key: append([]byte{}, in.key...)}
	}
	return in.err
}

func (in *valueReader) take(n int, what string) []byte {
	if in.err == nil && len(in.rest) < n {
		_ = in.corrupt("it ends before %s", what)
	}
	if in.err != nil {
		return make([]byte, n)
	}
	taken := in.rest[:n]
	in.rest = in.rest[n:]
	return taken
}

func (in *valueReader) byte(what string) byte  { return in.take(1, what)[0] }
func (in *valueReader) u32(what string) uint32 { return binary.LittleEndian.Uint32(in.take(4, what)) }
func (in *valueReader) u64(what string) uint64 { return binary.LittleEndian.Uint64(in.take(8, what)) }
func (in *valueReader) node(what string) Node  { return Node(in.take(len(Node{}), what)) }

// version reads the version byte of a value that has one.
func (in *valueReader) version() {
	if version := in.byte("the version"); in.err == nil && version != 1 {
		_ = in.fail(ErrUnsupportedVersion, fmt.Sprintf("version %d", version))
	}
}

// end returns the first error. Bytes that were not read are one.
func (in *valueReader) end() error {
	if in.err == nil && len(in.rest) > 0 {
		return in.corrupt("%d bytes too many", len(in.rest))
	}
	return in.err
}
