//! Appending leaves.

use shardtree::RetentionFlags;

use super::call::Call;
use super::reads::size_of;
use super::shard::Shard;
use super::{Retention, SchemeEngine};
use crate::codec::{SHARD_HEIGHT, Tip};
use crate::error::Error;
use crate::kv::Kv;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Appends leaves behind those that are there, and returns the position of the first.
    ///
    /// The store ends up the same, however the leaves are split over calls. Reads the tip and the shard
    /// that is not complete. Writes each touched shard and the tip; each time that 128 leaves are
    /// complete, also the cap and a quad.
    ///
    /// # Errors
    ///
    /// [`Error::TreeFull`] before any write if they do not fit.
    pub fn append(&mut self, leaves: &[S::Node]) -> Result<u64, Error> {
        self.call(|call| {
            let mut tip = call.reads.tip()?;
            let first = tip.size;
            if leaves.is_empty() {
                return Ok(first);
            }
            if leaves.len() as u64 > (1 << call.depth()) - first {
                return Err(Error::TreeFull {
                    size: first,
                    count: leaves.len() as u64,
                });
            }
            call.hasher.expect_leaves(leaves.len());
            call.append_leaves(&mut tip, leaves)?;
            call.stage_tip(&tip);
            call.commit()?;
            Ok(first)
        })
    }
}

impl<S: Scheme> Call<'_, S> {
    fn append_leaves(&mut self, tip: &mut Tip<S::Node>, leaves: &[S::Node]) -> Result<(), Error> {
        let mut shards = self.edge_shards(tip)?;
        let flags = match self.config.retention {
            Retention::Marked => RetentionFlags::MARKED,
            Retention::Ephemeral => RetentionFlags::EPHEMERAL,
        };
        for (leaf, position) in leaves.iter().zip(tip.size..) {
            let index = position >> SHARD_HEIGHT;
            if shards.last().is_none_or(|last| last.index() != index) {
                shards.push(Shard::empty(index));
            }
            if let Some(shard) = shards.last_mut() {
                shard.push(leaf.clone(), flags);
            }
        }
        let size = tip.size + leaves.len() as u64;
        for shard in &mut shards {
            shard.set_newest(size <= shard.start() + super::shard::LEAVES);
        }
        self.hasher.fill_records(&mut shards)?;
        for shard in &shards {
            self.writes.stage_shard(shard);
        }
        let completed = tip.size >> SHARD_HEIGHT;
        let roots = shards
            .iter()
            .filter(|shard| shard.is_complete() && shard.index() >= completed)
            .filter_map(|shard| shard.root().cloned())
            .collect();
        self.complete_shards(tip, size, roots)?;
        tip.last_marked = self.config.retention == Retention::Marked;
        Ok(())
    }

    /// The shards at the edge that an append changes: the one that is not complete, if there is
    /// one, and the one of the newest leaf if that leaf may now be pruned.
    fn edge_shards(&mut self, tip: &Tip<S::Node>) -> Result<Vec<Shard<S::Node>>, Error> {
        let unmarked = tip.size > 0 && !tip.last_marked;
        let cut = !tip.size.is_multiple_of(super::shard::LEAVES);
        if !unmarked && !cut {
            return Ok(vec![]);
        }
        let mut shard = self.reads.shard((tip.size - 1) >> SHARD_HEIGHT, tip.size)?;
        if unmarked && self.newest_checkpoint_size()? == Some(tip.size) {
            shard.set_flags(tip.size - 1, RetentionFlags::CHECKPOINT);
        }
        Ok(vec![shard])
    }

    /// The size at the newest checkpoint, if any checkpoint keeps a leaf from being pruned.
    fn newest_checkpoint_size(&mut self) -> Result<Option<u64>, Error> {
        let summary = self.reads.summary()?;
        if summary.unmarked == 0 {
            return Ok(None);
        }
        let newest = self.reads.required_checkpoint(summary.newest)?;
        Ok(Some(size_of(&newest)))
    }
}
