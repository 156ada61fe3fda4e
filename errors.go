//go:build cgo

package kvshard

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller gave and the tree cannot take. The store is as it was before
// the call.
var (
	// ErrInvalidNode: 32 bytes that are no canonical little-endian encoding of
	// an element of the Pallas base field (they stand for the modulus or
	// more), or a text that is no node in hex. In an [Error] of
	// [Tree.AppendBatch] or [CombineBatch] Index tells which.
	ErrInvalidNode = errors.New("invalid node")

	// ErrInvalidArgument: an option, level, count, frontier or encoding that
	// makes no sense.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrInvalidWitness: [Witness.Verify] found that the path does not lead
	// from the leaf to the root.
	ErrInvalidWitness = errors.New("witness does not lead to the root")

	// ErrTreeFull: the leaves do not fit into the 2^32 of the tree.
	ErrTreeFull = errors.New("tree is full")

	// ErrCheckpointOrder: the id of a new checkpoint is not above that of the
	// newest one, or is the highest there is, which none could follow.
	ErrCheckpointOrder = errors.New("checkpoint id not above the newest")

	// ErrNotEmpty: a frontier can start only an empty tree.
	ErrNotEmpty = errors.New("tree is not empty")
)

// What a caller asked for and the tree does not have. The store is as it was
// before the call.
var (
	// ErrPositionNotFound: no leaf has this position, or had it at the
	// checkpoint asked for. For [Tree.Nodes], a node is not complete; for
	// [Tree.FrontierAtSize], the tree has not had so many leaves yet.
	ErrPositionNotFound = errors.New("position not found")

	// ErrPruned: the leaf was there, and was not kept: it was appended as
	// [Ephemeral], its mark was removed, or it lies before the frontier that
	// the tree started from. For [Tree.Nodes], the same of a node.
	ErrPruned = errors.New("leaf was not kept")

	// ErrCheckpointNotFound: there never was such a checkpoint, or it was
	// pruned or rewound.
	ErrCheckpointNotFound = errors.New("checkpoint not found")
)

// What is wrong with the store or with kvshard. Writes that came before may
// have reached the store: leave them behind with the rest of the transaction.
var (
	// ErrCorrupt: a record is not what kvshard writes, or the records
	// contradict each other. In an [Error] Key tells which. [Tree.Check] finds
	// all of them. On a speculative read (block-STM, optimistic execution) it
	// may pass when the call is repeated.
	ErrCorrupt = errors.New("corrupt record")

	// ErrUnsupportedVersion: a record, or the linked library, has a version
	// that this release does not know.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrForeignStore: there are shards and no tip, so something else wrote
	// the store: a plain ShardTree, or a module with keys of its own where the
	// tree's are (see [KeyRange]). In an [Error] Key is the first one found.
	// Nothing is written. Take a ShardTree's store over with [Tree.Adopt]; beside
	// a module's keys give the tree a prefix of its own ([WithPrefix]).
	ErrForeignStore = errors.New("foreign store")

	// ErrRootMismatch: the leaves that [Tree.Adopt] found have another root than
	// the one it was given. Nothing is written.
	ErrRootMismatch = errors.New("root mismatch")

	// ErrSchemeMismatch: the tree was made with another scheme (package
	// hashtree), or with Orchard's hash and this package. In an [Error] Key is
	// that of the tip, which names the scheme. Nothing is written. Open the tree
	// with the scheme that it was made with.
	ErrSchemeMismatch = errors.New("scheme mismatch")

	// ErrHasher: the Hasher of a scheme (package hashtree) returned an error,
	// which is wrapped too, or did not answer as it must.
	ErrHasher = errors.New("hasher failed")

	// ErrStore: the store returned an error, or there is no store. The store's
	// own error is wrapped too: errors.Is and errors.As find it.
	ErrStore = errors.New("store failed")

	// ErrInternal: a fault of kvshard, say a panic inside the engine. Please
	// report it.
	ErrInternal = errors.New("internal error")
)

// An Error is what a function of this package returns that fails. errors.Is
// finds both its Kind and, where the store failed, the store's own error.
type Error struct {
	// Op is the function or method that was called, as in [Stats].
	Op string
	// Kind is one of this package's Err values.
	Kind error
	// What tells in words what happened; for [ErrStore], the operation on the
	// store: "get", "set", "delete", "iterator", "reverse iterator",
	// "iterate" or "close iterator".
	What string
	// Key is the key that it is about, as the store knows it, so with the
	// prefix of [WithPrefix]; for an iteration, the prefix of its keys. It is
	// nil if there is none.
	Key []byte
	// Index tells, only for [ErrInvalidNode], which node of the argument is
	// invalid: of leaves, the index of the leaf; of the pairs of
	// [CombineBatch], 2*i for the left node of pair i and 2*i+1 for the right
	// one; of a leaf with a path or ommers ([Witness.Root],
	// [Tree.InsertFrontier]), 0 for the leaf and i+1 for number i of the rest.
	Index uint64
	// Err is the store's own error, or the hasher's; nil if there is none.
	Err error
}

// Error puts the parts in one line, the package and the call first. Kind is left
// out where What is a sentence that says it.
func (e *Error) Error() string {
	parts := []string{"kvshard"}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.What == "" || !saidByWhat(e.Kind) {
		parts = append(parts, e.Kind.Error())
	}
	if e.What != "" {
		parts = append(parts, e.What)
	}
	var b strings.Builder
	b.WriteString(strings.Join(parts, ": "))
	if e.Key != nil {
		fmt.Fprintf(&b, " (key %x)", e.Key)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// saidByWhat tells of a kind of error that its What says all that it says, and
// of what: "checkpoint 5 is not above the newest".
func saidByWhat(kind error) bool {
	switch kind {
	case ErrInvalidWitness, ErrTreeFull, ErrCheckpointOrder, ErrNotEmpty, ErrPositionNotFound, ErrPruned, ErrCheckpointNotFound:
		return true
	default:
		return false
	}
}

// Unwrap returns Kind, and Err if there is one, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func invalidArgument(op, format string, args ...any) error {
	return &Error{Op: op, Kind: ErrInvalidArgument, What: fmt.Sprintf(format, args...)}
}
