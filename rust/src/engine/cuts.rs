//! The leaves at which checkpoints cut the tree. A leaf without a mark is kept for its checkpoints
//! alone.
//!
//! Checkpoints at one leaf follow each other. So the next prunable checkpoint tells whether another
//! one is at the same leaf. Records beside the summary count the retained ones at each leaf.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use shardtree::store::Checkpoint;

use super::call::Call;
use super::shard::Shard;
use crate::codec::{self, SHARD_HEIGHT, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::scheme::Scheme;

/// How the count of retained checkpoints at a leaf changes.
#[derive(Clone, Copy)]
pub(super) enum Count {
    One,
    OneLess,
}

/// Shards that a call has loaded to change flags in them.
pub(super) type Shards<H> = BTreeMap<u64, Shard<H>>;

impl<S: Scheme> Call<'_, S> {
    /// If the checkpoint's leaf has no mark, counts the checkpoint there as retained, or as no longer
    /// retained. 1 get of the shard, 1 of the count.
    pub fn recount_retained_cut(
        &mut self,
        summary: &Summary,
        tip: &Tip<S::Node>,
        shards: &mut Shards<S::Node>,
        checkpoint: &Checkpoint,
        by: Count,
    ) -> Result<(), Error> {
        let Some(position) = checkpoint.position().map(u64::from) else {
            return Ok(());
        };
        if summary.unmarked == 0 || !self.is_unmarked_cut(shards, tip, position)? {
            return Ok(());
        }
        let count = self.retained_cut(position)?;
        let recounted = match by {
            Count::One => count.checked_add(1),
            Count::OneLess => count.checked_sub(1),
        };
        let none = || KvError::corrupt(&keys::retained_cut(position), "it is missing");
        self.writes
            .stage_retained_cut(position, recounted.ok_or_else(none)?);
        Ok(())
    }

    /// The number of retained checkpoints at a leaf without a mark, as this call has counted it, or as
    /// it is stored. 1 get.
    pub fn retained_cut(&self, position: u64) -> Result<u32, KvError> {
        let key = keys::retained_cut(position);
        let decode = |value: Option<&[u8]>| match value {
            None => Ok(0),
            Some(value) => codec::decode_retained_cut(position, value),
        };
        match self.writes.staged(&key) {
            Some(staged) => decode(staged),
            None => self.reads.record(key, decode),
        }
    }

    /// Whether the leaf at a checkpoint is there without a mark.
    pub fn is_unmarked_cut(
        &mut self,
        shards: &mut Shards<S::Node>,
        tip: &Tip<S::Node>,
        position: u64,
    ) -> Result<bool, Error> {
        let shard = self.shard_in(shards, tip, position)?;
        match shard.leaf(position) {
            Some((_, flags)) => Ok(!flags.is_marked()),
            None => {
                let reason = format!("the leaf of a checkpoint at position {position} is not kept");
                Err(KvError::corrupt(&keys::shard(shard.index()), reason).into())
            }
        }
    }

    /// The shard of a position, loaded once into `shards`.
    pub fn shard_in<'s>(
        &mut self,
        shards: &'s mut Shards<S::Node>,
        tip: &Tip<S::Node>,
        position: u64,
    ) -> Result<&'s mut Shard<S::Node>, Error> {
        if position >= tip.size {
            let reason = format!("a checkpoint names position {position}, beyond its size");
            return Err(KvError::corrupt(&keys::tip(), reason).into());
        }
        match shards.entry(position >> SHARD_HEIGHT) {
            Entry::Occupied(loaded) => Ok(loaded.into_mut()),
            Entry::Vacant(unloaded) => {
                let shard = self.reads.shard(*unloaded.key(), tip.size)?;
                Ok(unloaded.insert(shard))
            }
        }
    }

    /// Stages shards. Those that did not change are not written.
    pub fn stage_shards(&mut self, shards: Shards<S::Node>) -> Result<(), Error> {
        let mut shards: Vec<_> = shards.into_values().collect();
        self.hasher.fill_records(&mut shards)?;
        for shard in &shards {
            self.writes.stage_shard(shard);
        }
        Ok(())
    }
}
