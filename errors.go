//go:build cgo

package kvshard

import (
	"errors"
	"fmt"
	"strings"
)

// Errors about what the caller gave. The store is as it was before the call.
var (
	// ErrInvalidNode: 32 bytes that are not the canonical little-endian encoding
	// of an element of the Pallas base field, because their value is the modulus
	// or more; with a Hasher (package hashtree), bytes that are not Canonical; or a
	// text that is not a node in hex. [Error.Index] tells which node of the argument
	// it is.
	ErrInvalidNode = errors.New("invalid node")

	// ErrInvalidArgument: an option, level, count, frontier or encoding that
	// cannot be right.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrInvalidWitness: [Witness.Verify] found that the path does not lead
	// from the leaf to the root.
	ErrInvalidWitness = errors.New("witness does not lead to the root")

	// ErrTreeFull: the tree holds 2^32 leaves, or as many as its scheme's depth
	// allows, and has no room for these.
	ErrTreeFull = errors.New("tree is full")

	// ErrCheckpointOrder: the id of a new checkpoint is not above that of the
	// newest one, or is 4294967295, which no other could follow.
	ErrCheckpointOrder = errors.New("checkpoint id not above the newest")

	// ErrNotEmpty: the tree has leaves, and a frontier can only start an empty
	// tree.
	ErrNotEmpty = errors.New("tree is not empty")
)

// Errors about what the caller asked for: the tree does not have it. The store
// is as it was before the call.
var (
	// ErrPositionNotFound: the tree has no leaf at this position, or had none at
	// the checkpoint. From [Tree.Nodes]: a node is not complete. From
	// [Tree.FrontierAtSize]: the tree has not had so many leaves yet.
	ErrPositionNotFound = errors.New("position not found")

	// ErrPruned: the leaf was appended but not kept. It was [Ephemeral], its mark
	// was removed, or it lies before the frontier that the tree started from.
	// From [Tree.Nodes]: the same of a node.
	ErrPruned = errors.New("leaf was not kept")

	// ErrCheckpointNotFound: the checkpoint never existed, or was pruned or
	// rewound.
	ErrCheckpointNotFound = errors.New("checkpoint not found")
)

// Errors about whose tree the store has. The store is as it was before the call.
var (
	// ErrForeignStore: the store has shards but no tip, or checkpoints and no
	// summary. So something else wrote it: a plain ShardTree, or a module whose own
	// keys lie where the tree's are (see [KeyRange]). [Error.Key] is the first such
	// key. Take a ShardTree's store over with [Tree.Adopt]; beside a module's keys
	// give the tree a prefix of its own ([WithPrefix]).
	ErrForeignStore = errors.New("foreign store")

	// ErrRootMismatch: the leaves that [Tree.Adopt] found have another root than
	// the one it was given.
	ErrRootMismatch = errors.New("root mismatch")

	// ErrSchemeMismatch: the tree was made with another scheme (package
	// hashtree), or with Orchard's hash and this package. In an [Error] Key is
	// that of the tip, which names the scheme. Open the tree with the scheme that
	// it was made with.
	ErrSchemeMismatch = errors.New("scheme mismatch")
)

// Errors of the store or of kvshard. Earlier writes of the call may have reached
// the store: discard them with the rest of the transaction.
var (
	// ErrCorrupt: a record is not what kvshard writes, or records contradict each
	// other. [Error.Key] tells which. [Tree.Check] finds all of them. A
	// speculative read (block-STM, optimistic execution) can cause it too; then
	// it is gone when the call is repeated.
	ErrCorrupt = errors.New("corrupt record")

	// ErrUnsupportedVersion: a record or the linked library has a version that
	// this release does not know.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrHasher: the Hasher of a scheme (package hashtree) returned an error,
	// which is wrapped too, or did not answer as it must.
	ErrHasher = errors.New("hasher failed")

	// ErrStore: the store returned an error, or there is no store. The store's
	// own error is wrapped too: errors.Is and errors.As find it.
	ErrStore = errors.New("store failed")

	// ErrInternal: a fault of kvshard, such as a panic inside the engine. Please
	// report it.
	ErrInternal = errors.New("internal error")
)

// An Error is what a failed function of this package returns. errors.Is finds
// its Kind and, if the store failed, the store's own error.
type Error struct {
	// Op is the function or method that was called, as in [Stats].
	Op string
	// Kind is one of this package's Err values.
	Kind error
	// What tells in words what happened; "" if the store's own error says it.
	What string
	// StoreOp is the operation on the store that failed, only for [ErrStore]:
	// "get", "set", "delete", "iterator", "reverse iterator", "iterate" or
	// "close iterator"; "" if there is no store to operate on.
	StoreOp string
	// Key is the key in question, as the store knows it: with the prefix of
	// [WithPrefix]. For an iteration it is where the range begins. It is nil if
	// the error is about no key.
	Key []byte
	// Index tells which node of the argument is invalid, only for
	// [ErrInvalidNode]. Among leaves it is the index of the leaf. Among the pairs
	// of [CombineBatch] it is 2*i for the left node of pair i, and 2*i+1 for the
	// right one. For a leaf with a path or ommers ([Witness.Root],
	// [Tree.InsertFrontier]) it is 0 for the leaf, and i+1 for number i of the
	// rest.
	Index uint64
	// Err is the store's own error, or the hasher's; nil if there is none.
	Err error
}

// Error returns the parts in one line, the package and the call first. It leaves
// Kind out if What is a sentence that says the same.
func (e *Error) Error() string {
	parts := []string{"kvshard"}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.What == "" || !saidByWhat(e.Kind) {
		parts = append(parts, e.Kind.Error())
	}
	for _, part := range []string{e.What, e.StoreOp} {
		if part != "" {
			parts = append(parts, part)
		}
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

// saidByWhat tells whether the What of this kind of error is a whole sentence,
// such as "checkpoint 5 is not above the newest".
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
