//! Building the records above the shards again.

use crate::codec::{self, Tip, TreeNode};
use crate::engine::Config;
use crate::engine::call::Call;
use crate::engine::cap::Cap;
use crate::engine::shard::{LEAVES, Shard};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Kv, MemKv};

/// The records above the shards, built again from their roots in a store of their own.
pub(super) struct Rebuilt<H, const DEPTH: u8> {
    pub kv: MemKv,
    pub tip: Tip<H>,
}

impl<H: TreeNode, const DEPTH: u8> Rebuilt<H, DEPTH> {
    pub fn new(tip: &Tip<H>) -> Self {
        Rebuilt {
            kv: MemKv::new(),
            tip: Tip {
                size: tip.origin,
                origin: tip.origin,
                ..Tip::empty()
            },
        }
    }

    /// Takes the ommers of the frontier that the tree was started from, if it was.
    pub fn start(&mut self, cap: &Cap<H>) -> Result<(), KvError> {
        let origin = self.tip.origin;
        if origin == 0 {
            return Ok(());
        }
        let ommers = cap.to_tree(DEPTH, origin, origin);
        self.kv.set(&keys::cap(), &codec::encode_tree(&ommers))
    }

    /// Merges the roots of the next shards, of which only the last may be incomplete. Returns the
    /// hashes computed.
    pub fn add(&mut self, shards: &mut [Shard<H>]) -> Result<u64, Error> {
        let mut call = Call::<_, H, DEPTH>::new(&mut self.kv, Config::default());
        call.hasher.expect_leaves(shards.len() * LEAVES as usize);
        call.hasher.fill_records(shards);
        let complete = shards.iter().filter(|shard| shard.is_complete());
        let roots: Vec<H> = complete.filter_map(|shard| shard.root().cloned()).collect();
        let size = self.tip.size + roots.len() as u64 * LEAVES;
        call.complete_shards(&mut self.tip, size, roots)?;
        call.commit()?;
        Ok(call.hasher.count())
    }
}
