// Package kvshard keeps Zcash Orchard's note commitment tree in a Cosmos SDK
// store: a Merkle tree of depth 32 over the Sinsemilla hash, to which a chain
// appends notes, of which it remembers checkpoints, and which proves each
// leaf against a root. The state of the tree is the content of the
// store.KVStore and nothing else.
//
//	level
//	 32                      root                      what Root returns
//	                    ┌─────┴─────┐             ┐
//	  ⋮                 ⋮           ⋮             │ the cap: the edge of what
//	  7                 ◦           ◦             ┘ is complete, above
//	                ┌───┴───┐   ┌───┴───┐
//	  6             ◦       ◦   ◦       ◦         ┐ quads: four nodes a
//	              ┌─┴─┐   ┌─┴─┐ …                 │ record, once complete;
//	  5           ◦   ◦   ◦   ◦                   │ the tip: the edge
//	            ┌─┴─┐                             ┘
//	  4         ◦   ◦     …       ◦               ┐
//	          ┌─┴─┐             ┌─┴─┐             │ a shard: 16 leaves,
//	  ⋮       ⋮   ⋮             ⋮   ⋮             │ one record
//	  0       ●   ●   …         ●   ◌             ┘ leaves
//	position  0   1            size-1
//
// # Words
//
//   - A leaf is a note commitment (cmx), an inner node the hash of its two
//     children and their level; both are a [Node] of 32 bytes.
//   - A position numbers the leaves from 0 in the order of appending. The
//     size is the number of leaves, and the position of the next one.
//   - A level counts from 0, the leaves, to 32, the root.
//   - A shard is a subtree of 16 leaves, its root at level 4. Above, complete
//     nodes are stored in quads of four; those on the edge of the tree, in the
//     tip and, from level 7 up, in the cap.
//   - The frontier is the newest leaf and its ommers: the complete subtrees to
//     the left of its path. It is all that appending needs.
//   - A checkpoint is the tree at one moment under an id, a uint32 that
//     strictly increases, say the height of a block. Root, size and witnesses
//     can be had as of a checkpoint, and the tree can be rewound to it. The
//     oldest are pruned; a retained one is exempt.
//   - A mark on a leaf tells to keep what its proof needs. A [Witness] is that
//     proof: the leaf's position and the 32 siblings on its path.
//
// # Use
//
// [Open] makes a [Tree] over a store; it costs nothing and needs no Close, so a
// keeper may open one a call. A keeper that keeps one Tree makes it with
// [New] over a [StoreProxy], and sets the store of each context there.
//
// # Errors and panics
//
// Every error wraps one of this package's Err values, which errors.Is finds,
// and is an [*Error]. There are two exceptions: [Tree.Check] returns what it
// finds broken as joined [*Violation]s, and [Tree.Dump] returns the error of
// its writer.
//
// An error of the store is wrapped beside [ErrStore]: errors.Is and errors.As
// find it, although it went through Rust. If the store panics (the SDK's
// stores do when gas runs out), the method panics with the identical value,
// after Rust has returned and all iterators are closed. Nothing in the store
// can make this package panic, loop or abort: a broken record is [ErrCorrupt].
//
// # Determinism
//
// The content of the store follows from the leaves, checkpoints and marks
// alone, not from how they were split into calls; the operations on the store
// (on a gas-metered store, consensus), their order, and [Stats] follow from
// the call and the content of the store alone, not from the process, the
// machine or the number of threads.
//
// # Concurrency
//
// A Tree is used by one goroutine at a time. Trees over different stores may
// run in parallel; they share no lock and no state. The store is called on the
// goroutine of the caller only.
//
// # Building
//
// The package needs cgo and libkvshard, a static library, in lib/ under the
// platform's name. For a static libc (Alpine) build with -tags musl.
package kvshard
