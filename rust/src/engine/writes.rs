//! What a call will write. Nothing reaches the store before the call has read everything.

use std::collections::{BTreeMap, BTreeSet};

use shardtree::store::Checkpoint;

use super::shard::Shard;
use crate::codec::{self, StoredNode, Summary};
use crate::keys;

/// Records to be written or deleted, by key.
#[derive(Default)]
pub(super) struct Writes {
    staged: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Writes {
    pub fn stage(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.staged.insert(key, Some(value));
    }

    pub fn stage_delete(&mut self, key: Vec<u8>) {
        self.staged.insert(key, None);
    }

    /// Takes back what was staged for a key, or stages that it goes.
    pub fn stage_gone(&mut self, key: Vec<u8>) {
        if self.staged.remove(&key).is_none() {
            self.stage_delete(key);
        }
    }

    /// What is staged for a key; the inner `None` is a deletion.
    pub fn staged(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.staged.get(key).map(Option::as_deref)
    }

    /// All that is staged, in key order.
    pub fn take(&mut self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> + use<> {
        std::mem::take(&mut self.staged).into_iter()
    }

    pub fn stage_summary(&mut self, summary: &Summary) {
        self.stage(keys::summary(), codec::encode_summary(summary));
    }

    pub fn stage_checkpoint(&mut self, id: u32, checkpoint: &Checkpoint) {
        self.stage(keys::checkpoint(id), codec::encode_checkpoint(checkpoint));
    }

    /// The checkpoints as of which the mark at a position was removed; no record if there are none.
    pub fn stage_removals(&mut self, position: u64, ids: &BTreeSet<u32>) {
        match ids.is_empty() {
            true => self.stage_delete(keys::removals(position)),
            false => self.stage(keys::removals(position), codec::encode_removals(ids)),
        }
    }

    /// The number of retained checkpoints at a leaf without a mark; no record if it is 0.
    pub fn stage_retained_cut(&mut self, position: u64, count: u32) {
        match count {
            0 => self.stage_delete(keys::retained_cut(position)),
            _ => self.stage(
                keys::retained_cut(position),
                codec::encode_retained_cut(count),
            ),
        }
    }

    /// A shard. All nodes that the record needs are known.
    pub fn stage_shard<H: StoredNode>(&mut self, shard: &Shard<H>) {
        self.stage(keys::shard(shard.index()), shard.encode());
    }
}
