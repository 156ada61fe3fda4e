//! Dropping everything that came after a checkpoint.

use std::collections::BTreeMap;

use shardtree::RetentionFlags;
use shardtree::store::Checkpoint;

use super::SchemeEngine;
use super::call::Call;
use super::cap::Cap;
use super::cuts::Shards;
use super::nodes::{quad_levels, quads};
use super::pruning::shared_prefix;
use super::shard::LEAVES;
use crate::codec::{SHARD_HEIGHT, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::kv_shard_store::without_marks;
use crate::listing;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Drops the leaves and checkpoints that came after a checkpoint, and gives back the marks
    /// that were removed as of it. The store is then as it was when that checkpoint was made, if
    /// no older one was pruned since.
    ///
    /// Reads what is dropped and deletes it: one get and one delete a shard, one delete a quad, one
    /// next and one delete a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn rewind(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let mut summary = call.reads.summary()?;
            let (checkpoint, size) = call.reads.checkpoint_of(id, &tip)?;
            call.reads.summary_beside(id, &tip)?;
            call.restore_marks(&mut summary, id)?;
            call.drop_checkpoints_above(&tip, &mut summary, id)?;
            if !checkpoint.marks_removed().is_empty() {
                call.writes
                    .stage_checkpoint(id, &without_marks(checkpoint.tree_state()));
            }
            if size < tip.size {
                call.shrink(&tip, size)?;
            }
            call.commit()
        })
    }
}

impl<S: Scheme> Call<'_, S> {
    fn drop_checkpoints_above(
        &mut self,
        tip: &Tip<S::Node>,
        summary: &mut Summary,
        id: u32,
    ) -> Result<(), Error> {
        let dropped = self.checkpoints_above(summary, id)?;
        let mut shards = Shards::new();
        let mut cuts: BTreeMap<u64, u32> = BTreeMap::new();
        for (dropped, checkpoint) in &dropped {
            self.writes.stage_delete(keys::checkpoint(*dropped));
            let retained = summary.retained > 0 && self.reads.is_retained(*dropped)?;
            if retained {
                self.writes.stage_delete(keys::retained(*dropped));
                summary.retained -= 1;
            } else {
                self.unlist(summary, *dropped);
            }
            if summary.unmarked > 0
                && let Some(position) = checkpoint.position().map(u64::from)
                && self.is_unmarked_cut(&mut shards, tip, position)?
            {
                summary.unmarked -= 1;
                *cuts.entry(position).or_default() += u32::from(retained);
            }
            summary.count -= 1;
        }
        if let Some(lowest) = summary.ledger.lowest_retained {
            self.stage_dropped_cuts(&cuts)?;
            summary.ledger.lowest_retained = Some(lowest).filter(|lowest| *lowest <= id);
        }
        summary.newest = id;
        if summary.oldest > id {
            summary.oldest = 0;
        }
        self.writes.stage_summary(summary);
        Ok(())
    }

    /// Stages the counts of retained checkpoints at leaves, less those that are dropped.
    fn stage_dropped_cuts(&mut self, cuts: &BTreeMap<u64, u32>) -> Result<(), Error> {
        for (position, dropped) in cuts.iter().filter(|(_, dropped)| **dropped > 0) {
            let count = self.retained_cut(*position)?;
            let left = count.checked_sub(*dropped).ok_or_else(|| {
                let reason = format!("it counts {count}, but {dropped} are dropped");
                KvError::corrupt(&keys::retained_cut(*position), reason)
            })?;
            self.writes.stage_retained_cut(*position, left);
        }
        Ok(())
    }

    /// The checkpoints with an id above `id`, which must exist, highest first.
    fn checkpoints_above(
        &mut self,
        summary: &Summary,
        id: u32,
    ) -> Result<Vec<(u32, Checkpoint)>, Error> {
        let corrupt = |reason: String| Error::from(KvError::corrupt(&keys::summary(), reason));
        if id == summary.newest {
            return Ok(vec![]);
        }
        if summary.count < 2 || id > summary.newest {
            return Err(corrupt(format!(
                "{summary:?}, but there is checkpoint {id}"
            )));
        }
        let prefix = shared_prefix(&keys::checkpoint(id), &keys::checkpoint(summary.newest));
        let mut above = vec![];
        for listed in listing::checkpoints(self.reads.kv(), prefix, Direction::Descending)? {
            let (listed, checkpoint) = listed?;
            if above.is_empty() && listed != summary.newest {
                return Err(corrupt(format!("{summary:?}, but the newest is {listed}")));
            }
            if listed == id && above.len() < summary.count as usize {
                return Ok(above);
            }
            above.push((listed, checkpoint));
        }
        Err(corrupt(format!(
            "{summary:?}, but {} are above {id}",
            above.len()
        )))
    }

    /// Stages the tree as it was at `size`, at which there is a checkpoint.
    fn shrink(&mut self, tip: &Tip<S::Node>, size: u64) -> Result<(), Error> {
        let kept_shards = size.div_ceil(LEAVES).max(tip.origin >> SHARD_HEIGHT);
        for index in (kept_shards..tip.size.div_ceil(LEAVES)).rev() {
            // Only the shards can confirm the tip's numbers: if one is missing, this loop ends with an
            // error, and the loops over the quads above never run.
            self.reads.required(keys::shard(index), |_| Ok(()))?;
            self.writes.stage_delete(keys::shard(index));
        }
        for level in quad_levels(self.depth()) {
            let kept = match size {
                0 => quads(level, tip.size, tip.origin).start,
                _ => quads(level, size, tip.origin).end,
            };
            for quad in kept..quads(level, tip.size, tip.origin).end {
                self.writes.stage_delete(keys::quad(level, quad));
            }
        }
        if size > 0 && Cap::<S::Node>::is_stored(size, tip.origin) {
            self.stage_cap(tip, size, None)?;
        } else if Cap::<S::Node>::is_stored(tip.size, tip.origin) {
            self.writes.stage_delete(keys::cap());
        }
        if size == 0 {
            self.writes.stage_delete(keys::tip());
            return Ok(());
        }
        let last_marked = self.shrink_last_shard(tip, size)?;
        let mut shrunk = self.tip_at(tip, size, None)?;
        shrunk.last_marked = last_marked;
        self.stage_tip(&shrunk);
        Ok(())
    }

    /// Stages the shard of the leaf that becomes the newest, and says whether that leaf is marked.
    fn shrink_last_shard(&mut self, tip: &Tip<S::Node>, size: u64) -> Result<bool, Error> {
        let position = size - 1;
        let whole = self.reads.shard(position >> SHARD_HEIGHT, tip.size)?;
        let mut shard = whole.truncated(size);
        let Some((_, flags)) = shard.leaf(position) else {
            let reason = format!("the leaf of a checkpoint at position {position} is not kept");
            return Err(KvError::corrupt(&keys::shard(whole.index()), reason).into());
        };
        let marked = flags.is_marked();
        if !marked {
            // It is kept because it is the newest leaf. Its flag comes with the next leaf.
            shard.set_flags(position, RetentionFlags::EPHEMERAL);
        }
        let mut shards = [shard];
        self.hasher.fill_records(&mut shards)?;
        self.writes.stage_shard(&shards[0]);
        Ok(marked)
    }
}
