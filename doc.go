// Package kvshard keeps Zcash Orchard's note commitment tree in a Cosmos SDK
// store. It is a Merkle tree of depth 32 over the Sinsemilla hash. A chain
// appends notes and makes checkpoints; the tree proves each leaf against a
// root. The state of the tree is the content of the store.KVStore and nothing
// else.
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
//   - A leaf is a note commitment (cmx). An inner node is the hash of its two
//     children and their level. Both are a [Node] of 32 bytes.
//   - A position numbers the leaves from 0, in the order of appending. The
//     size is the number of leaves, and so the position of the next one.
//   - A level counts from 0, the leaves, to 32, the root.
//   - A shard is a subtree of 16 leaves. Its root is at level 4. Above the
//     shards, complete nodes are stored in quads of four. Complete nodes on the
//     edge of the tree are in the tip and, from level 7 up, in the cap.
//   - The frontier is the newest leaf and its ommers: the roots of the complete
//     subtrees to the left of its path. Appending needs nothing else.
//   - A checkpoint is the tree at one moment, under an id: a uint32 that
//     strictly increases, say the height of a block. Size, root and witnesses
//     are answered as of a checkpoint, and the tree can be rewound to it. The
//     oldest checkpoints are pruned, except retained ones.
//   - A mark on a leaf keeps what the leaf's proof needs. A [Witness] is that
//     proof: the leaf's position and the 32 siblings on its path.
//
// # Use
//
// [Open] makes a [Tree] over a store. It does not touch the store and needs no
// Close, so a keeper may open a Tree for each call. A keeper that keeps one
// Tree makes it with [New] over a [StoreProxy], and sets each context's store
// there.
//
// # Records
//
// [Records] reads the records of a tree under their names, [ReadRecord] and
// [WriteRecord] one of them: what a copy, an export or a tool needs. How a
// key is spelled is not theirs to know. A whole tree in one file is what package
// stream writes and reads. [Entries] reads keys that are not a tree's as safely.
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
// The content of the store depends on the leaves, checkpoints and marks alone,
// not on how they were split into calls. The operations of a call on the store,
// their order, and [Stats] depend on the arguments and the content of the store
// alone, not on the process, the machine or the number of threads. On a store
// that charges gas they are consensus.
//
// # Concurrency
//
// One goroutine at a time uses a Tree. Trees over different stores may run in
// parallel; they share no lock and no state. The store is called on the
// caller's goroutine only.
//
// # Building
//
// The package needs cgo, and the static library libkvshard in lib/ under the
// platform's name. For a static libc (Alpine) build with -tags musl.
package kvshard
