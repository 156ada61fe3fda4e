// Package stream is the stream of export and import: a whole tree in one file.
package stream

import (
	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// The stream:
//
//	"KVSHARDX"  version u8 = 1  length u32  header, JSON
//	pieces, each begun by a u8:
//	  1  a record: length u32, key without the prefix; length u32, value
//	  2  leaves:   count u32, 32 bytes each
//	  3  a checkpoint of the leaves so far: id u32
//	0  SHA-256 of all before this 0
//
// Numbers are little-endian. A stream of records has pieces 1 alone, in the
// order of the keys; a stream of leaves has pieces 2 and 3.
const (
	Magic   = "KVSHARDX"
	version = 1

	pieceEnd        = 0
	pieceRecord     = 1
	pieceLeaves     = 2
	pieceCheckpoint = 3

	maxHeader = 64 << 20
	maxLeaves = 1 << 20
)

// A Header tells what must come out of an import.
type Header struct {
	Form           string       `json:"form"` // "records" or "leaves"
	Size           uint64       `json:"size"`
	Root           kvshard.Node `json:"root"`
	Records        uint64       `json:"records,omitempty"` // pieces 1
	Checkpoints    []Checkpoint `json:"checkpoints"`
	MaxCheckpoints uint32       `json:"max_checkpoints"`
	Retention      string       `json:"retention"`
}

// Limits bound the values of a stream's records, and so the memory that an
// import takes: checkpoints alone are read all at once when the tree is checked,
// and they alone are long, with the marks that were removed as of each.
type Limits struct{ checkpoints int } // bytes so far

const (
	maxRecord      = 64 << 10
	maxCheckpoint  = 4 << 20
	maxCheckpoints = 64 << 20 // bytes of all
)

// Next returns how long the value of the next record may be.
func (l *Limits) Next(key []byte) int {
	if key[0] == record.Checkpoint {
		return min(maxCheckpoint, maxCheckpoints-l.checkpoints)
	}
	return maxRecord
}

// Add counts a record.
func (l *Limits) Add(r record.Record) {
	if r.Key[0] == record.Checkpoint {
		l.checkpoints += len(r.Value)
	}
}

// A Checkpoint is one with its root.
type Checkpoint struct {
	source.Checkpoint
	Root kvshard.Node `json:"root"`
}
