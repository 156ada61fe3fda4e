//! Zcash Orchard's note commitment tree, kept entirely in a key-value store that is reached through
//! C callbacks.
//!
//! The Go package `kvshard` links this crate as a static library and calls the
//! module `ffi`. A Rust program
//! can use the parts as they are:
//!
//! ```
//! use kvshard::engine::{Config, Engine};
//! use kvshard::hash::OrchardNode;
//! use kvshard::kv::MemKv;
//!
//! let leaf = OrchardNode::from_bytes(&[1; 32]).expect("below the Pallas modulus");
//! let mut tree: Engine<_, OrchardNode> = Engine::new(MemKv::new(), Config::default());
//! assert_eq!(tree.append(&[leaf])?, 0);
//! tree.checkpoint(100)?;
//! assert_eq!(tree.root_at(100)?, tree.root()?);
//! assert_eq!(tree.witness_at(0, 100)?.len(), 32);
//! # Ok::<(), kvshard::error::Error>(())
//! ```
//!
//! Who wants the hash alone finds all of it in [`hash`].
//!
//! # Features
//!
//! - `ffi`, on by default: the module `ffi`, whose C functions `kvshard_*` keep their names in whatever
//!   links the crate. A Rust program has no use for them. A Rust library that goes into one program
//!   with the Go package must not have them: depend on kvshard with `default-features = false`.
//! - `test-dependencies`: for tests, as in `shardtree`.
//! - Those that begin with `test-`: for this project's own tests, never for a release.
//!
//! # Structure
//!
//! A call goes down this list. Each module uses only modules below it.
//!
//! - `ffi`: the C functions. Unsafe.
//! - [`engine`]: the tree. It begins with a drawing.
//! - [`kv_shard_store`]: `shardtree`'s storage trait over the same records, for a plain
//!   `ShardTree`.
//! - [`callbacks`]: the store behind C functions. Unsafe.
//! - `listing`: the records of one kind, in the order of their keys.
//! - [`codec`]: the values of the records, byte by byte.
//! - `edge`: the height of a shard, and which completed nodes the tip holds.
//! - [`keys`]: the keys of the records.
//! - [`scheme`]: the hash and the depth of a tree.
//! - [`hash`]: the hashes that are built in, `MerkleCRH^Orchard` and Poseidon. Vector code and
//!   assembly are unsafe.
//! - [`kv`]: the store as a safe trait, and a store in memory.
//! - [`error`]: what can go wrong.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod callbacks;
pub mod codec;
mod edge;
pub mod engine;
pub mod error;
#[cfg(feature = "ffi")]
pub mod ffi;
pub mod hash;
pub mod keys;
pub mod kv;
pub mod kv_shard_store;
mod listing;
pub mod scheme;

/// Puts into the library what build/archive-check.sh finds: it has a switch for tests, and is not for
/// a release.
#[cfg_attr(
    not(any(
        feature = "test-panic",
        feature = "test-path-avx512",
        feature = "test-path-ifma",
        feature = "test-path-mulx",
        feature = "test-path-portable",
        feature = "test-path-umulh"
    )),
    allow(dead_code)
)]
#[inline]
fn mark_for_tests() {
    std::hint::black_box("kvshard: a library for tests alone");
}
