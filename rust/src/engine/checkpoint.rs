//! Making a checkpoint, and pruning those that are too many.

use std::collections::BTreeSet;

use shardtree::store::{Checkpoint, TreeState};

use super::SchemeEngine;
use super::call::Call;
use super::cuts::Shards;
use super::pruning::Pruned;
use crate::codec::{Summary, Tip};
use crate::error::Error;
use crate::keys;
use crate::kv::Kv;
use crate::scheme::Scheme;

/// The checkpoints that one call prunes at most, `MaxPruned` in Go. If more are too many, later calls
/// go on.
const MOST_PRUNED: u32 = 2;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Makes a checkpoint of the tree as it is. If more than `max_checkpoints` are then kept, not
    /// counting retained ones, prunes the oldest: at most two in a call. After a lower limit or many
    /// releases, several calls share the work.
    ///
    /// Reads tip and summary, and writes a checkpoint and the summary. To prune one takes one
    /// iterator, two steps of it and one delete, however many are kept. While some are retained, it
    /// makes one set and one delete more, however many. Shards are read only if a leaf can now be
    /// pruned that is not `Marked`, or whose mark was removed; a call clears at most 16 marks. If an
    /// older release wrote the store, without the records beside the summary, and some checkpoints
    /// are retained, the first call lists all checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointOrder`] unless `id` is above the newest; [`Error::LastCheckpoint`] for
    /// `u32::MAX`.
    pub fn checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            call.add_checkpoint(&tip, id)?;
            call.commit()
        })
    }
}

/// The state of a tree of this size.
pub(super) fn state_at(size: u64) -> TreeState {
    match size.checked_sub(1) {
        None => TreeState::Empty,
        Some(position) => TreeState::AtPosition(position.into()),
    }
}

impl<S: Scheme> Call<'_, S> {
    /// Stages a checkpoint of the tree at `tip`, and what it prunes.
    pub fn add_checkpoint(&mut self, tip: &Tip<S::Node>, id: u32) -> Result<(), Error> {
        let mut shards = Shards::new();
        let mut summary = self.summary_to_change(tip, &mut shards)?;
        if summary.count > 0 && id <= summary.newest {
            let newest = summary.newest;
            return Err(Error::CheckpointOrder { id, newest });
        }
        if id == u32::MAX {
            return Err(Error::LastCheckpoint);
        }
        let before = summary;
        let prunable = summary.prunable();
        summary.count += 1;
        summary.newest = id;
        summary.unmarked += u32::from(tip.size > 0 && !tip.last_marked);
        if prunable == 0 {
            summary.oldest = id;
        }
        let checkpoint = Checkpoint::from_parts(state_at(tip.size), BTreeSet::new());
        self.writes.stage_checkpoint(id, &checkpoint);
        self.list(&summary, id, &checkpoint);
        let excess = (prunable + 1).saturating_sub(self.config.max_checkpoints.max(1));
        let pruned = match excess.min(MOST_PRUNED) {
            0 => Pruned::default(),
            count => self.prune(tip, &mut summary, &before, count, &mut shards)?,
        };
        self.clear_removed_marks(tip, &mut summary, &pruned, &mut shards)?;
        self.stage_shards(shards)?;
        self.writes.stage_summary(&summary);
        Ok(())
    }

    /// Stages the removal of the `count` oldest prunable checkpoints, and releases their leaves.
    fn prune(
        &mut self,
        tip: &Tip<S::Node>,
        summary: &mut Summary,
        before: &Summary,
        count: u32,
        shards: &mut Shards<S::Node>,
    ) -> Result<Pruned, Error> {
        let pruned = self.oldest_prunable(before, count)?;
        let oldest = pruned.next.as_ref().map_or(summary.newest, |(id, _)| *id);
        for id in pruned.ids() {
            self.writes.stage_delete(keys::checkpoint(id));
            self.unlist(summary, id);
        }
        summary.count -= count;
        summary.oldest = oldest;
        if before.unmarked > 0 {
            self.release_cuts(tip, summary, &pruned, shards)?;
        }
        Ok(pruned)
    }
}
