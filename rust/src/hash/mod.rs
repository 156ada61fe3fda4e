//! `MerkleCRH^Orchard`, the hash of Zcash Orchard's note commitment tree, singly and in batches.
//!
//! This module can be used without the tree. It gives the bytes of
//! `orchard::tree::MerkleHashOrchard`, several times as fast singly and more in batches;
//! `docs/HASH.md` of the repository has the figures, and `make benchmarks-hash` measures them.
//! [`VoteNode`] is the other hash that is built in, Poseidon over Pallas.
//!
//! # How to use it
//!
//! [`OrchardNode`] is a leaf or an inner node. It has the trait [`Hashable`], so the trees of
//! `incrementalmerkletree` 0.9, `shardtree` 0.8 and `bridgetree` take it as it is; [`TreeHash`] adds
//! batches and whole paths.
//!
//! ```
//! use kvshard::hash::{Hashable, Level, OrchardNode, TreeHash};
//! use orchard::tree::MerkleHashOrchard;
//!
//! // Two leaves: extracted note commitments, as transactions have them.
//! let (left, right) = ([1; 32], [2; 32]);
//! let [l, r] = [left, right].map(|bytes| OrchardNode::from_bytes(&bytes).expect("canonical"));
//! let parent = OrchardNode::combine(Level::from(0), &l, &r);
//!
//! // It is orchard's.
//! let [l, r] = [l, r].map(MerkleHashOrchard::from);
//! assert_eq!(parent, MerkleHashOrchard::combine(Level::from(0), &l, &r).into());
//! ```
//!
//! A row of a tree, hashed in one batch on one thread:
//!
//! ```
//! use kvshard::hash::{Hashable, Level, OrchardNode, TreeHash};
//!
//! let row: Vec<_> = (0..8).map(|i| OrchardNode::from_bytes(&[i; 32]).unwrap()).collect();
//! let mut above = Vec::new();
//! OrchardNode::combine_batch(Level::from(0), &row, 1, &mut above);
//! assert_eq!(above.len(), 4);
//! assert_eq!(above[1], OrchardNode::combine(Level::from(0), &row[2], &row[3]));
//! ```
//!
//! The frontier of `incrementalmerkletree`, with this hash and with `orchard`'s:
//!
//! ```
//! use incrementalmerkletree::frontier::Frontier;
//! use kvshard::hash::OrchardNode;
//! use orchard::tree::MerkleHashOrchard;
//!
//! let mut ours = Frontier::<OrchardNode, 32>::empty();
//! let mut theirs = Frontier::<MerkleHashOrchard, 32>::empty();
//! for i in 1..=5 {
//!     let leaf = OrchardNode::from_bytes(&[i; 32]).unwrap();
//!     assert!(ours.append(leaf));
//!     assert!(theirs.append(leaf.into()));
//! }
//! assert_eq!(ours.root(), theirs.root().into());
//! ```
//!
//! A `shardtree` in memory, which proves a leaf:
//!
//! ```
//! use incrementalmerkletree::{Marking, Position, Retention};
//! use kvshard::hash::OrchardNode;
//! use shardtree::{ShardTree, store::memory::MemoryShardStore};
//!
//! let leaf = |i| OrchardNode::from_bytes(&[i; 32]).unwrap();
//! let mut tree: ShardTree<MemoryShardStore<OrchardNode, u32>, 32, 16> =
//!     ShardTree::new(MemoryShardStore::empty(), 100);
//! tree.append(leaf(1), Retention::Marked).unwrap();
//! tree.append(leaf(2), Retention::Checkpoint { id: 7, marking: Marking::None }).unwrap();
//!
//! let witness = tree.witness_at_checkpoint_id(Position::from(0), &7).unwrap().expect("it is marked");
//! assert_eq!(Some(witness.root(leaf(1))), tree.root_at_checkpoint_id(&7).unwrap());
//! ```
//!
//! `examples/hash.rs` of the crate is a program that does all this and tells the path in use.
//!
//! # Facts
//!
//! - **Bytes.** A node is the canonical encoding of an element of the Pallas base field: 32 bytes,
//!   little-endian, below the modulus. [`OrchardNode::from_bytes`] refuses any other. Zero is a node.
//!   An absent leaf is 2, which [`Hashable::empty_leaf`] returns.
//! - **Levels.** A level is that of the children, and it is hashed: 0 combines leaves, 31 makes the
//!   root of a tree of 32 levels. Like `orchard`, `combine` and `combine_batch` take any level up
//!   to 255, and `climb` makes nodes up to that level. What concerns empty subtrees is known up to level 32, and panics above.
//! - **Sources.** Zcash protocol specification, sections 5.4.1.3 (`MerkleCRH^Orchard`), 5.4.1.9
//!   (Sinsemilla) and 5.3 (constants). The generators are those of the crate `sinsemilla`. The tests
//!   compare with `orchard` on every path, and with the vectors of zcash-test-vectors.
//! - **Paths.** The same sums are computed in one of several ways, by what the processor has; see
//!   [`Backend`]. [`Backend::best`] tells which: name it when you report a fault, or a time.
//! - **Threads.** Only [`TreeHash::combine_batch`] starts threads, no more than it is told, and ends
//!   them before it returns. Everything here may be called from many threads at once.
//! - **Memory.** The first hash of a process builds tables of 3.2 MiB, which stay: some 10 to 30 ms.
//!   A thread works on 512 hashes of a batch at once, so what a batch needs beside its result does not
//!   grow with it.
//! - **Time depends on the data.** The nodes choose table entries, so caches can tell which. Leaves
//!   and nodes of a note commitment tree are public. Don't hash secrets with it.
//! - **Errors.** None but a node that is not canonical. Panics are named where they can occur.
//! - **Dependencies.** `orchard` without its features, and what it brings; `shardtree` for the tree. It
//!   needs the standard library, for threads, and to see what the processor has. With
//!   `default-features = false` the crate has no C functions: a program or library that links the Go
//!   package's library as well would have two of each.
//!
//! # The sum
//!
//! The hash is Sinsemilla over the Pallas curve (Zcash protocol
//! specification, 5.4.1.3 and 5.4.1.9). Its message has a fixed length, 52
//! words of ten bits. Sinsemilla's steps acc ← 2·acc + S\[word\] are linear in
//! its generators. So the hash is the x coordinate of
//!
//! ```text
//! 2^52·Q + Σ 2^(51-i)·S\[word_i\]          i = 0..52
//! ```
//!
//! which is a start point for each level, and one entry from each of 51 tables
//! of 1024 points (`tables`). The words are bits of the nodes' bytes
//! (`message`). Adding up 52 points (`sum`) is all that is left, and the order
//! is free:
//!
//! - many sums at once are added in affine coordinates. All additions of a
//!   round share one inversion, at six field multiplications each;
//! - a single sum is added partly in projective coordinates, with few
//!   inversions;
//! - if half of a sum is known before the other (an empty right sibling, a
//!   sibling on the way to the root), only 26 points are left to add.
//!
//! `portable` adds in 64-bit arithmetic: plain Rust, or with the products of
//! `mulx`, if the processor has BMI2 and ADX, or on arm64 with the field of
//! `umulh`. `avx512` adds in eight lanes, if the processor has AVX-512, and
//! faster with its part IFMA. All give the same bytes.
//!
//! # Exceptional cases
//!
//! Sinsemilla is defined with incomplete addition. It yields ⊥ if two points
//! with the same x, or the identity, are added; `orchard` then returns 0.
//! Theorem 5.4.4 of the protocol specification (in 5.4.1.9, "Sinsemilla hash
//! function") shows that a message whose hash is ⊥ gives a nontrivial discrete
//! logarithm relation between the generators. Nobody can find one without
//! breaking the discrete logarithm problem on Pallas, on which the hash's
//! collision resistance rests anyway.
//!
//! The sums here are added in another order, so they have other exceptional
//! cases: two partial sums, or two entries, with the same x, or in lanes that
//! are folded with the same y (then one is the other times a known cube root
//! of 1). Each is again a relation of that kind. Unlike ⊥, these cases say nothing about the result,
//! so they are handled exactly. A zero denominator makes the product of all
//! denominators zero; the shared inversion notices that, and the hashes that
//! shared it are computed again by the definition, through `orchard` itself.
//! One case is not noticed: a message for which the definition yields ⊥ while
//! none of our denominators is zero. To know such a message is to know a
//! relation.

mod avx512;
mod backend;
mod curve;
mod field;
mod invert;
mod message;
mod modulus;
mod mulx;
mod node;
// Each path by its name, for the benchmark and its tests.
#[cfg(feature = "test-dependencies")]
#[doc(hidden)]
pub mod orchard_hash;
#[cfg(not(feature = "test-dependencies"))]
mod orchard_hash;
mod portable;
mod shares;
mod sum;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree_hash;
mod umulh;
mod vote;

pub use backend::Backend;
pub use incrementalmerkletree::{Hashable, Level};
pub use node::OrchardNode;
pub use tree_hash::{Sibling, TreeHash};
pub use vote::VoteNode;
