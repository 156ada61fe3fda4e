package types

import (
	"encoding/binary"

	"cosmossdk.io/collections"
)

// The first byte of each key of the module's own records. They are part of the state: a
// client proves a record by its key. The tree's begin with 0x0F to 0x15.
var (
	ParamsPrefix    = collections.NewPrefix(1)
	AnchorPrefix    = collections.NewPrefix(2)
	RootPrefix      = collections.NewPrefix(3)
	NewestPrefix    = collections.NewPrefix(4)
	RetainedPrefix  = collections.NewPrefix(5)
	SizePrefix      = collections.NewPrefix(6)
	SubtreePrefix   = collections.NewPrefix(7)
	KnownFromPrefix = collections.NewPrefix(8)
	WaitingPrefix   = collections.NewPrefix(9)
	QueuedPrefix    = collections.NewPrefix(10)
)

// NewestKey is the key of the record [Newest].
func NewestKey() []byte { return NewestPrefix.Bytes() }

// Key returns the key of an anchor's record.
func (a Anchor) Key() []byte {
	prefix := AnchorPrefix
	if a.Retained {
		prefix = RetainedPrefix
	}
	return binary.BigEndian.AppendUint64(prefix.Bytes(), uint64(a.Height))
}

// SubtreeKey returns the key of the height that completed a subtree, a u64 big-endian.
func SubtreeKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(SubtreePrefix.Bytes(), index)
}
