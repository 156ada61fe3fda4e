// Package stream reads and writes the one form in which a whole tree travels: as a
// file of the command "kvshard export", or in a module's genesis. A stream begins with
// a description of the tree and ends with a SHA-256. FORMAT.md has every byte.
//
// To write one:
//
//	header, err := stream.Describe(tree)
//	header.Form, header.MaxCheckpoints, header.Retention = stream.FormRecords, 100, "marked"
//	header.Records, err = stream.Count(kvshard.Records(kv))
//	w, err := stream.NewWriter(out, header)
//	err = w.Records(kvshard.Records(kv))
//	err = w.End()
//
// To make the tree again, in an empty store:
//
//	r, err := stream.NewReader(in)
//	for {
//		piece, err := r.Next()
//		if err == io.EOF {
//			break
//		}
//		err = kvshard.WriteRecord(kv, *piece.Record)
//	}
//	err = tree.Check()
//	err = r.Header.Verify(tree)
//
// Headers carry roots of Pallas elements: of Orchard's tree and of the schemes that are
// built into package hashtree. A tree of another hash travels with zero roots. Write its
// header by hand, and after WriteRecord call Check of its hashtree.Tree; Describe and
// Verify are not for it.
package stream

import (
	"errors"
	"fmt"
	"iter"

	"github.com/kvshard/kvshard"
)

// The form of a stream says what it carries.
const (
	// FormRecords: the records of the store, as they are. Another store gets the same
	// bytes.
	FormRecords = "records"
	// FormLeaves: the leaves and checkpoints alone. An import hashes them again. Every
	// leaf of the tree must be marked.
	FormLeaves = "leaves"
)

// The bytes of a stream, see FORMAT.md.
const (
	// Magic is what a stream begins with.
	Magic   = "KVSHARDX"
	version = 1

	pieceEnd        = 0
	pieceRecord     = 1
	pieceLeaves     = 2
	pieceCheckpoint = 3

	maxHeader = 64 << 20
	maxKey    = 64
)

// MaxLeaves is how many leaves one piece may have.
const MaxLeaves = 1 << 20

var (
	// ErrMalformed: it is not a stream, or not as it was written, or does not hold what
	// its header says.
	ErrMalformed = errors.New("it is no sound stream of a tree")
	// ErrCut: a stream ends too early. The part before may be right.
	ErrCut = errors.New("the stream ends too early")
	// ErrTooLong: a record is longer than a stream takes. No sound tree has such a
	// record.
	ErrTooLong = errors.New("a record is too long for a stream")
	// ErrMismatch: a tree is not the one that a header describes.
	ErrMismatch = errors.New("it is not the tree that the header describes")
)

// An Error says in words what is wrong with a stream or a tree. errors.Is finds its
// Kind, and the cause if there is one.
type Error struct {
	// Kind is one of this package's Err values.
	Kind error
	// What tells in words what was expected and what is there.
	What string
	// Err is the cause, nil if there is none.
	Err error
}

// Error returns What, after the word that it is about.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the stream: %s: %v", e.What, e.Err)
	}
	return "the stream: " + e.What
}

// Unwrap returns Kind, and Err if there is one.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func malformed(format string, args ...any) error {
	return &Error{Kind: ErrMalformed, What: fmt.Sprintf(format, args...)}
}

// A Header describes the tree that must come out of an import.
type Header struct {
	Form string `json:"form"` // FormRecords or FormLeaves
	// Scheme is the fingerprint of the tree's scheme in hex ([kvshard.TipRecord]); "" for
	// Orchard's. The roots are zero if the program that wrote the stream has no hash of the
	// scheme.
	Scheme      string       `json:"scheme,omitempty"`
	Size        uint64       `json:"size"` // leaves
	Root        kvshard.Node `json:"root"`
	Records     uint64       `json:"records,omitempty"` // of FormRecords
	Checkpoints []Checkpoint `json:"checkpoints"`       // oldest first

	// What the tree was written with, see [kvshard.WithMaxCheckpoints]; Retention
	// is "marked" or "ephemeral".
	MaxCheckpoints uint32 `json:"max_checkpoints"`
	Retention      string `json:"retention"`
}

// A Checkpoint is one with its root.
type Checkpoint struct {
	ID       uint32       `json:"id"`
	Size     uint64       `json:"size"`
	Retained bool         `json:"retained"`
	Root     kvshard.Node `json:"root"`
}

// Describe returns a header with the tree's size, root and checkpoints. The caller
// fills in the other fields, Scheme among them.
//
// Errors: the tree's.
//
// Cost: that of [kvshard.Tree.Root], and of [kvshard.Tree.RootAt] for each checkpoint.
func Describe(tree *kvshard.Tree) (h Header, err error) {
	h.Checkpoints = []Checkpoint{}
	if h.Size, err = tree.Size(); err != nil {
		return h, err
	}
	if h.Root, err = tree.Root(); err != nil {
		return h, err
	}
	for c, err := range tree.Checkpoints() {
		if err != nil {
			return h, err
		}
		root, err := tree.RootAt(c.ID)
		if err != nil {
			return h, err
		}
		h.Checkpoints = append(h.Checkpoints, Checkpoint{c.ID, c.Size, c.Retained, root})
	}
	return h, nil
}

// Verify compares the tree's size, root and checkpoints with the header. It compares no
// scheme: the tree was opened with one. It does not check that the tree is sound:
// [kvshard.Tree.Check] does.
//
// Errors: [ErrMismatch] for a difference, in an [*Error] that says which; otherwise the
// tree's.
//
// Cost: that of [Describe].
func (h Header) Verify(tree *kvshard.Tree) error {
	mismatch := func(format string, args ...any) error {
		return &Error{Kind: ErrMismatch, What: fmt.Sprintf(format, args...)}
	}
	now, err := Describe(tree)
	if err != nil {
		return err
	}
	if now.Size != h.Size || now.Root != h.Root {
		return mismatch("it comes to %d leaves and root %s, and its header says %d and %s", now.Size, now.Root, h.Size, h.Root)
	}
	for i, c := range now.Checkpoints {
		if i == len(h.Checkpoints) || h.Checkpoints[i].ID != c.ID || h.Checkpoints[i].Size != c.Size || h.Checkpoints[i].Retained != c.Retained {
			return mismatch("checkpoint %d is not as its header says", c.ID)
		}
		if root := h.Checkpoints[i].Root; root != c.Root {
			return mismatch("the root at checkpoint %d comes to %s, and its header says %s", c.ID, c.Root, root)
		}
	}
	if n := len(now.Checkpoints); n < len(h.Checkpoints) {
		return mismatch("checkpoint %d is missing", h.Checkpoints[n].ID)
	}
	return nil
}

// Count returns how many records there are, for the header.
//
// Errors: those of the records.
func Count(records iter.Seq2[kvshard.Record, error]) (n uint64, err error) {
	for _, err := range records {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// limits bound the values of a stream's records, and so the memory that an
// import takes: checkpoints alone are read all at once when the tree is checked,
// and they alone are long, with the marks that were removed as of each.
type limits struct{ checkpoints int } // bytes so far

const (
	maxRecord      = 64 << 10
	maxCheckpoint  = 4 << 20
	maxCheckpoints = 64 << 20 // bytes of all
)

// next returns how long the value of the next record may be.
func (l *limits) next(name kvshard.RecordName) int {
	if name.Kind == kvshard.KindCheckpoint {
		return min(maxCheckpoint, maxCheckpoints-l.checkpoints)
	}
	return maxRecord
}

// add counts a record.
func (l *limits) add(name kvshard.RecordName, bytes int) {
	if name.Kind == kvshard.KindCheckpoint {
		l.checkpoints += bytes
	}
}
