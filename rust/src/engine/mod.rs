//! The tree: each call reads what it needs from the store, computes, and writes.
//!
//! ```text
//! level
//!  32                        root
//!  ..                         .          \
//!   8                       /   \         |  cap: the completed nodes of level 7 and up that
//!   7                      N     N        /  have no completed parent
//!   6                    /   \
//!   5      n   n   n   n   n              }  tip: the completed nodes of the open quad,
//!   4     s s s s s s s s s s s           }  and the newest shard's root if its sibling is not
//!  ..     4 quads and shards ..           }  complete
//!   0     ||||||||||||||||||||||          }  shards: 16 leaves each
//! ```
//!
//! Above the shards, completed nodes are stored four at a time, in quads: the nodes of level 5 (7, 9, …)
//! under one node of level 7 (9, 11, …). A quad is written once, when the last of the four is complete.
//! A path finds two siblings in each quad that it passes. The other completed nodes are on the edge of
//! the tree: those of levels 4 and 5 in the tip, those from level 7 up in the cap; one of level 6 is
//! hashed from two of the tip. The root of a shard (level 4) takes one read and 15 hashes.
//!
//! Each call has a file: [`append`](Engine::append), [`checkpoint`](Engine::checkpoint), and so on. A
//! call is made of `reads` (each record once), a `hasher`, and `writes` (at the end, in key order).
//! `shard` and `cap` are the shapes of records. Several calls share the rest: `nodes` finds a node,
//! `fill` computes the nodes of shards, `grow` what shards complete; `pruning`, `cuts` and `marks` know
//! what checkpoints keep.

mod adopt;
mod append;
mod call;
mod cap;
mod check;
mod checkpoint;
mod cuts;
mod dump;
mod fill;
mod frontier;
mod frontier_at;
mod grow;
mod hasher;
mod marks;
mod newest;
mod nodes;
mod nodes_at;
mod pruning;
mod query;
mod reads;
mod rebuilt;
mod retain;
mod rewind;
mod shard;
mod writes;

use call::Call;
pub use check::Violation;
pub use frontier::TreeFrontier;
pub use nodes_at::MAX_NODES;

use crate::codec::SHARD_HEIGHT;
use crate::error::Error;
use crate::kv::Kv;
use crate::scheme::{Scheme, StaticScheme};

/// The lowest level whose nodes are stored in quads: pairs of shards.
pub const QUAD_LEVEL: u8 = SHARD_HEIGHT + 1;

/// The lowest level of the cap's leaves in a tree that started empty: the roots of the lowest quads.
/// The tip holds the nodes below, because they change with every shard, and the cap is the longer
/// record.
pub const CAP_LEVEL: u8 = QUAD_LEVEL + 2;

/// What becomes of a leaf that is appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// It stays provable until its mark is removed.
    #[default]
    Marked,
    /// It stays only as long as it is the newest leaf, or a checkpoint's.
    Ephemeral,
}

/// What the caller chooses; nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Checkpoints kept besides the retained ones; at least 1.
    pub max_checkpoints: u32,
    /// Of the leaves that are appended.
    pub retention: Retention,
    /// Threads that a large batch may hash on.
    pub threads: Threads,
}

/// The bound on a call's threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// All cores for batches of at least [`Threads::LARGE_BATCH`] leaves, one for smaller ones.
    #[default]
    Auto,
    /// At most this many, at least 1.
    AtMost(usize),
}

impl Threads {
    /// Leaves from which on a batch is spread over the cores.
    pub const LARGE_BATCH: usize = 4096;

    pub(crate) fn for_batch(self, leaves: usize) -> usize {
        match self {
            Threads::AtMost(bound) => bound.max(1),
            Threads::Auto if leaves >= Self::LARGE_BATCH => {
                std::thread::available_parallelism().map_or(1, usize::from)
            }
            Threads::Auto => 1,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_checkpoints: 100,
            retention: Retention::default(),
            threads: Threads::default(),
        }
    }
}

/// A checkpoint as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// Its id.
    pub id: u32,
    /// Leaves in the tree when it was made.
    pub size: u64,
    /// Whether it is exempt from pruning.
    pub retained: bool,
}

/// A note commitment tree whose hash `H` and depth are known to the compiler.
pub type Engine<K, H, const DEPTH: u8 = 32> = SchemeEngine<K, StaticScheme<H, DEPTH>>;

/// A note commitment tree of a scheme, all of it in `K`.
///
/// Between two calls it holds only the store's handle, the scheme and the options. A call reads and
/// checks everything that it needs, and hashes, before its first write. Then it writes each key at most
/// once, in key order, and nothing that would not change. A call that fails before its first write has
/// changed nothing. A later failure is the store's own.
#[derive(Debug)]
pub struct SchemeEngine<K, S> {
    kv: K,
    scheme: S,
    config: Config,
    hashes: u64,
}

impl<K: Kv, S: Scheme + Default> SchemeEngine<K, S> {
    /// A tree over this store. Costs nothing.
    pub fn new(kv: K, config: Config) -> Self {
        Self::with_scheme(kv, S::default(), config)
    }
}

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// A tree of this scheme over this store. Costs nothing.
    pub fn with_scheme(kv: K, scheme: S, config: Config) -> Self {
        SchemeEngine {
            kv,
            scheme,
            config,
            hashes: 0,
        }
    }

    /// Hashes computed by the last call: the same on every machine for the same call on the same
    /// store.
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// The scheme.
    pub fn scheme(&self) -> &S {
        &self.scheme
    }

    /// The key-value store underneath.
    pub fn kv(&self) -> &K {
        &self.kv
    }

    /// The key-value store underneath.
    pub fn kv_mut(&mut self) -> &mut K {
        &mut self.kv
    }

    /// Gives the key-value store back.
    pub fn into_kv(self) -> K {
        self.kv
    }

    /// Runs one call from a fresh start, and notes what it hashed.
    fn call<T>(
        &mut self,
        run: impl FnOnce(&mut Call<'_, S>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut call = Call::new(&mut self.kv, &self.scheme, self.config);
        let outcome = run(&mut call);
        self.hashes = call.hasher.count();
        outcome
    }
}
