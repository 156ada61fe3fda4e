//! Removing marks.
//!
//! A mark that was removed as of a checkpoint is still needed while that checkpoint, or an older one,
//! is kept: those prove the leaf, and a rewind gives the mark back. Until then the removal has a record
//! of its own, under the checkpoint's id and the position. A second record, under the position, lists
//! the checkpoints as of which the mark was removed, because the mark goes with the last of them. When
//! the lowest kept checkpoint goes, the removals before the next one are due. They are done in order.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use shardtree::RetentionFlags;
use shardtree::store::Checkpoint;

use super::SchemeEngine;
use super::call::Call;
use super::cuts::Shards;
use super::pruning::Pruned;
use super::reads::size_of;
use crate::codec::{REMOVED_BEFORE, REMOVED_VALUE, SHARD_HEIGHT, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;
use crate::scheme::Scheme;

/// The removed marks that one call clears at most.
const MOST_CLEARED: usize = 16;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Removes the mark of a leaf as of a checkpoint: the leaf stays provable until that checkpoint
    /// and all older ones are gone, retained ones included, and a rewind to it gives the mark back.
    /// Says whether the leaf has a mark. 5 gets and 3 sets, the same however many were removed.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`]; [`Error::PositionNotFound`] if the leaf is not in the tree
    /// at that checkpoint.
    pub fn remove_mark(&mut self, position: u64, as_of: u32) -> Result<bool, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let (checkpoint, size) = call.reads.checkpoint_of(as_of, &tip)?;
            if position >= size {
                return Err(Error::PositionNotFound { position, size });
            }
            if position < tip.origin {
                return Ok(false);
            }
            let shard = call.reads.shard(position >> SHARD_HEIGHT, tip.size)?;
            let marked = shard
                .leaf(position)
                .is_some_and(|(_, flags)| flags.is_marked());
            if marked && !checkpoint.marks_removed().contains(&position.into()) {
                call.stage_removal(&tip, position, as_of)?;
                call.commit()?;
            }
            Ok(marked)
        })
    }
}

/// A listing of the removed marks does not have as many as the summary says.
fn cut_short(summary: &Summary, listed: usize) -> Error {
    let reason = format!("{summary:?}, but {listed} removed marks are listed");
    KvError::corrupt(&keys::summary(), reason).into()
}

/// Lowers the lowest of some ids to this one.
fn lower(lowest: &mut Option<u32>, id: u32) {
    *lowest = Some(lowest.map_or(id, |lowest| lowest.min(id)));
}

/// The removals of some marks, as a call changes them.
type Removals = BTreeMap<u64, BTreeSet<u32>>;

impl<S: Scheme> Call<'_, S> {
    fn stage_removal(
        &mut self,
        tip: &Tip<S::Node>,
        position: u64,
        as_of: u32,
    ) -> Result<(), Error> {
        let mut removals = self.reads.removals(position)?;
        if !removals.insert(as_of) {
            return Ok(());
        }
        self.reads.summary_beside(as_of, tip)?;
        let mut summary = self.summary_to_change(tip, &mut Shards::new())?;
        self.writes.stage_removals(position, &removals);
        self.writes
            .stage(keys::removed(as_of, position), REMOVED_VALUE.to_vec());
        summary.ledger.removed = summary.ledger.removed.saturating_add(1);
        lower(&mut summary.ledger.first_removed, as_of);
        self.writes.stage_summary(&summary);
        Ok(())
    }

    /// Clears marks whose removal waited for the pruned checkpoints, or was due before. Before version 2
    /// of the summary, removals were in the checkpoint's own record: such a removal first gets a
    /// record of its own.
    pub fn clear_removed_marks(
        &mut self,
        tip: &Tip<S::Node>,
        summary: &mut Summary,
        pruned: &Pruned,
        shards: &mut Shards<S::Node>,
    ) -> Result<(), Error> {
        let first = summary.ledger.first_removed;
        let due = first.is_some_and(|first| first < summary.lowest_kept());
        let mut removals = Removals::new();
        if due {
            self.clear_due(tip, summary, shards, &mut removals)?;
        }
        for (id, checkpoint) in &pruned.removed {
            let marks = checkpoint.iter().flat_map(Checkpoint::marks_removed);
            for position in marks.map(|mark| u64::from(*mark)) {
                if !self.removals_in(&mut removals, position)?.insert(*id) {
                    continue;
                }
                self.writes
                    .stage(keys::removed(*id, position), REMOVED_VALUE.to_vec());
                summary.ledger.removed = summary.ledger.removed.saturating_add(1);
                lower(&mut summary.ledger.first_removed, *id);
            }
        }
        for (position, ids) in &removals {
            self.writes.stage_removals(*position, ids);
        }
        Ok(())
    }

    fn clear_due(
        &mut self,
        tip: &Tip<S::Node>,
        summary: &mut Summary,
        shards: &mut Shards<S::Node>,
        removals: &mut Removals,
    ) -> Result<(), Error> {
        let lowest = summary.lowest_kept();
        let lowest_size = match lowest == summary.newest {
            true => tip.size,
            false => size_of(&self.reads.required_checkpoint(lowest)?),
        };
        let listed: Vec<_> = listing::removed(self.reads.kv(), Direction::Ascending)?
            .take(MOST_CLEARED + 1)
            .collect::<Result<_, _>>()?;
        let wanted = (summary.ledger.removed as usize).min(MOST_CLEARED + 1);
        if listed.len() != wanted {
            return Err(cut_short(summary, listed.len()));
        }
        let due = listed.iter().take(MOST_CLEARED);
        let due = due.take_while(|mark| mark.id < lowest).count();
        summary.ledger.first_removed = listed.get(due).map(|mark| mark.id);
        summary.ledger.removed -= due as u32;
        for mark in &listed[..due] {
            let ids = self.removals_in(removals, mark.position)?;
            ids.remove(&mark.id);
            self.writes
                .stage_delete(keys::removed(mark.id, mark.position));
            if !ids.is_empty() {
                continue;
            }
            if lowest_size.checked_sub(1) == Some(mark.position) {
                // The leaf of a checkpoint that is kept: it goes with that one.
                ids.insert(lowest);
                self.writes.stage(
                    keys::removed(lowest, mark.position),
                    REMOVED_BEFORE.to_vec(),
                );
                summary.ledger.removed = summary.ledger.removed.saturating_add(1);
                lower(&mut summary.ledger.first_removed, lowest);
                continue;
            }
            let shard = self.shard_in(shards, tip, mark.position)?;
            if shard
                .leaf(mark.position)
                .is_some_and(|(_, flags)| flags.is_marked())
            {
                shard.set_flags(mark.position, RetentionFlags::EPHEMERAL);
            }
        }
        Ok(())
    }

    fn removals_in<'r>(
        &mut self,
        removals: &'r mut Removals,
        position: u64,
    ) -> Result<&'r mut BTreeSet<u32>, Error> {
        Ok(match removals.entry(position) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(unseen) => unseen.insert(self.reads.removals(position)?),
        })
    }

    /// Stages that the marks removed as of checkpoint `id` or later are back.
    pub fn restore_marks(&mut self, summary: &mut Summary, id: u32) -> Result<(), Error> {
        if summary.ledger.first_removed.is_none() {
            return Ok(());
        }
        let mut restored = vec![];
        let mut seen = 0;
        let mut whole = true;
        for mark in listing::removed(self.reads.kv(), Direction::Descending)? {
            let mark = mark?;
            if mark.id < id {
                whole = false;
                break;
            }
            seen += 1;
            if mark.id > id || !mark.before {
                restored.push(mark);
            }
        }
        if whole && seen != summary.ledger.removed as usize {
            return Err(cut_short(summary, seen));
        }
        let mut removals = Removals::new();
        for mark in &restored {
            self.removals_in(&mut removals, mark.position)?
                .remove(&mark.id);
            self.writes
                .stage_delete(keys::removed(mark.id, mark.position));
        }
        for (position, ids) in &removals {
            self.writes.stage_removals(*position, ids);
        }
        let left = summary.ledger.removed.checked_sub(restored.len() as u32);
        summary.ledger.removed = left.ok_or_else(|| cut_short(summary, restored.len()))?;
        if summary.ledger.removed == 0 {
            summary.ledger.first_removed = None;
        }
        Ok(())
    }
}
