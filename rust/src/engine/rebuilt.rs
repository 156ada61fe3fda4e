//! Building the records above the shards again.

use super::Config;
use super::call::Call;
use super::cap::Cap;
use super::shard::{LEAVES, Shard};
use crate::codec::Tip;
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Kv, MemKv};
use crate::scheme::Scheme;

/// The records above the shards, built again from their roots in a store of their own.
pub(super) struct Rebuilt<'s, S: Scheme> {
    scheme: &'s S,
    pub kv: MemKv,
    pub tip: Tip<S::Node>,
}

impl<'s, S: Scheme> Rebuilt<'s, S> {
    pub fn new(scheme: &'s S, tip: &Tip<S::Node>) -> Self {
        Rebuilt {
            scheme,
            kv: MemKv::new(),
            tip: Tip {
                size: tip.origin,
                origin: tip.origin,
                ..Tip::empty()
            },
        }
    }

    /// Takes the ommers of the frontier that the tree was started from, if it was.
    pub fn start(&mut self, cap: &Cap<S::Node>) -> Result<(), KvError> {
        let origin = self.tip.origin;
        if origin == 0 {
            return Ok(());
        }
        let ommers = cap.encode(self.scheme.depth(), origin, origin);
        self.kv.set(&keys::cap(), &ommers)
    }

    /// Merges the roots of the next shards, of which only the last may be incomplete. Returns the
    /// hashes computed.
    pub fn add(&mut self, shards: &mut [Shard<S::Node>], config: Config) -> Result<u64, Error> {
        let mut call = Call::new(&mut self.kv, self.scheme, config);
        call.hasher.expect_leaves(shards.len() * LEAVES as usize);
        call.hasher.fill_records(shards)?;
        let complete = shards.iter().filter(|shard| shard.is_complete());
        let roots: Vec<S::Node> = complete.filter_map(|shard| shard.root().cloned()).collect();
        let size = self.tip.size + roots.len() as u64 * LEAVES;
        call.complete_shards(&mut self.tip, size, roots)?;
        call.commit()?;
        Ok(call.hasher.count())
    }

    /// Keeps the record of the shard at which the tree ends, which a root needs.
    pub fn put_last(&mut self, shard: &Shard<S::Node>) -> Result<(), KvError> {
        self.kv.set(&keys::shard(shard.index()), &shard.encode())
    }
}
