//! Making a checkpoint, and pruning those that are too many.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use incrementalmerkletree::Position;
use shardtree::RetentionFlags;
use shardtree::store::{Checkpoint, TreeState};

use super::Engine;
use super::call::Call;
use super::shard::Shard;
use crate::codec::{SHARD_HEIGHT, Summary, Tip, TreeNode};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// Makes a checkpoint of the tree as it is, and prunes the oldest that are more than
    /// `max_checkpoints`, retained ones not counted.
    ///
    /// Reads tip and summary and writes a checkpoint and the summary. To prune one: one iterator,
    /// two nexts and one delete, however many are kept. While some are retained: two gets more, and
    /// a next for each older one whose id starts with the bytes that the prunable ones' ids share;
    /// where more than 255 do so, consecutive ids are read by two gets in place of the iterator.
    /// Shards are read only if a leaf may now be pruned that is not `Marked`, or whose mark was
    /// removed.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointOrder`] unless `id` is above the newest.
    pub fn checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let mut tip = call.tip()?;
            let mut summary = call.summary()?;
            call.add_checkpoint(&mut tip, &mut summary, id)?;
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

/// Checkpoints that are pruned, and the one that is then the oldest not retained.
struct Pruned {
    removed: Vec<(u32, Checkpoint)>,
    next: Option<(u32, Checkpoint)>,
}

impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    /// Stages a checkpoint of the tree at `tip`, and what it prunes.
    pub fn add_checkpoint(
        &mut self,
        tip: &mut Tip<H>,
        summary: &mut Summary,
        id: u32,
    ) -> Result<(), Error> {
        if summary.count > 0 && id <= summary.newest {
            let newest = summary.newest;
            return Err(Error::CheckpointOrder { id, newest });
        }
        let before = *summary;
        let prunable = summary.count - summary.retained;
        summary.count += 1;
        summary.newest = id;
        summary.unmarked += u32::from(tip.size > 0 && !tip.last_marked);
        if prunable == 0 {
            summary.oldest = id;
        }
        let checkpoint = Checkpoint::from_parts(state_at(tip.size), BTreeSet::new());
        self.stage_checkpoint(id, &checkpoint);
        let excess = (prunable + 1).saturating_sub(self.config.max_checkpoints.max(1));
        if excess > 0 {
            let pruned = self.oldest_prunable(&before, excess as usize)?;
            self.release_leaves(tip, summary, &before, &pruned, &checkpoint)?;
            for (removed, _) in &pruned.removed {
                self.stage_delete(keys::checkpoint(*removed));
            }
            summary.count -= excess;
            summary.oldest = pruned.next.map_or(id, |(next, _)| next);
        }
        self.stage_summary(summary);
        Ok(())
    }

    /// The `count` oldest checkpoints that are not retained, and the next.
    fn oldest_prunable(&mut self, summary: &Summary, count: usize) -> Result<Pruned, Error> {
        let there = (summary.count - summary.retained) as usize;
        let wanted = (count + 1).min(there);
        let mut found = self.unretained_from_oldest(summary, wanted)?;
        if found.first().is_none_or(|(id, _)| *id != summary.oldest) || found.len() < wanted {
            let reason = format!("{summary:?}, but {} not retained are listed", found.len());
            return Err(KvError::corrupt(&keys::summary(), reason).into());
        }
        let next = if wanted > count { found.pop() } else { None };
        Ok(Pruned {
            removed: found,
            next,
        })
    }

    /// The id of the second oldest checkpoint that is not retained; there are two at least.
    pub fn next_prunable(&mut self, summary: &Summary) -> Result<u32, Error> {
        let pruned = self.oldest_prunable(summary, 1)?;
        Ok(pruned.next.map_or(0, |(next, _)| next))
    }

    /// The first checkpoints from the oldest prunable on that are not retained, at most `wanted`.
    ///
    /// A listing is of all ids that start with the same bytes, and so meets the older, retained
    /// ones among them. Where there may be more than 255 of those, the two ids that follow each
    /// other are tried first.
    fn unretained_from_oldest(
        &mut self,
        summary: &Summary,
        wanted: usize,
    ) -> Result<Vec<(u32, Checkpoint)>, Error> {
        let oldest = keys::checkpoint(summary.oldest);
        let prefix = shared_prefix(&oldest, &keys::checkpoint(summary.newest));
        let many = prefix.len() + 1 < oldest.len();
        if summary.retained > 0
            && many
            && wanted == 2
            && let Some(found) = self.consecutive_unretained(summary.oldest)?
        {
            return Ok(found);
        }
        self.unretained_checkpoints(prefix, summary.oldest, wanted, summary.retained > 0)
    }

    /// The checkpoints `id` and `id + 1`, if there are both and neither is retained. 4 gets.
    fn consecutive_unretained(&mut self, id: u32) -> Result<Option<Vec<(u32, Checkpoint)>>, Error> {
        let mut found = vec![];
        // The second first: where ids have gaps it is not there, and that is all that is read.
        for id in [id.checked_add(1), Some(id)].into_iter().flatten() {
            match self.checkpoint(id)? {
                Some(checkpoint) if !self.is_retained(id)? => found.insert(0, (id, checkpoint)),
                _ => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// Stages the shards of leaves that no checkpoint keeps from being pruned any more, and those
    /// whose marks the pruned checkpoints had removed.
    fn release_leaves(
        &mut self,
        tip: &mut Tip<H>,
        summary: &mut Summary,
        before: &Summary,
        pruned: &Pruned,
        new: &Checkpoint,
    ) -> Result<(), Error> {
        let removed_marks: BTreeSet<u64> = pruned
            .removed
            .iter()
            .flat_map(|(_, checkpoint)| checkpoint.marks_removed())
            .map(|mark| u64::from(*mark))
            .collect();
        if removed_marks.is_empty() && before.unmarked == 0 {
            return Ok(());
        }
        let mut kept = match removed_marks.is_empty() && before.retained == 0 {
            true => pruned.next.iter().map(|(_, next)| next.clone()).collect(),
            false => self.surviving(before, pruned)?,
        };
        kept.push(new.clone());

        let mut release = Release {
            shards: BTreeMap::new(),
            kept: &kept,
        };
        if before.unmarked > 0 {
            release.cuts(self, tip, summary, pruned)?;
        }
        release.marks(self, tip, summary, &removed_marks)?;
        let mut shards: Vec<_> = release.shards.into_values().collect();
        self.fill_records(&mut shards);
        for shard in &shards {
            self.stage_shard(shard);
        }
        Ok(())
    }

    /// All checkpoints but the pruned.
    fn surviving(&mut self, summary: &Summary, pruned: &Pruned) -> Result<Vec<Checkpoint>, Error> {
        let all: Vec<_> =
            listing::checkpoints(self.kv(), vec![keys::CHECKPOINT], Direction::Ascending)?
                .collect::<Result<_, _>>()?;
        if all.len() != summary.count as usize {
            let reason = format!("{summary:?}, but {} are listed", all.len());
            return Err(KvError::corrupt(&keys::summary(), reason).into());
        }
        let is_pruned = |id: u32| pruned.removed.iter().any(|(removed, _)| *removed == id);
        Ok(all
            .into_iter()
            .filter(|(id, _)| !is_pruned(*id))
            .map(|(_, checkpoint)| checkpoint)
            .collect())
    }

    /// Whether the leaf at a checkpoint is there without a mark.
    pub fn is_unmarked_cut(
        &mut self,
        shards: &mut BTreeMap<u64, Shard<H>>,
        tip: &Tip<H>,
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
    fn shard_in<'s>(
        &mut self,
        shards: &'s mut BTreeMap<u64, Shard<H>>,
        tip: &Tip<H>,
        position: u64,
    ) -> Result<&'s mut Shard<H>, Error> {
        if position >= tip.size {
            let reason = format!("a checkpoint names position {position}, beyond its size");
            return Err(KvError::corrupt(&keys::tip(), reason).into());
        }
        match shards.entry(position >> SHARD_HEIGHT) {
            Entry::Occupied(loaded) => Ok(loaded.into_mut()),
            Entry::Vacant(unloaded) => {
                let shard = self.shard(*unloaded.key(), tip.size)?;
                Ok(unloaded.insert(shard))
            }
        }
    }
}

/// Flags being cleared from the leaves of some shards, as of the checkpoints that are kept.
struct Release<'c, H> {
    shards: BTreeMap<u64, Shard<H>>,
    kept: &'c [Checkpoint],
}

impl<H: TreeNode> Release<'_, H> {
    fn checkpoints_at(&self, position: u64) -> u32 {
        let position = Some(Position::from(position));
        self.kept
            .iter()
            .filter(|c| c.position() == position)
            .count() as u32
    }

    /// The leaves of the pruned checkpoints.
    fn cuts<K: Kv, const DEPTH: u8>(
        &mut self,
        call: &mut Call<'_, K, H, DEPTH>,
        tip: &Tip<H>,
        summary: &mut Summary,
        pruned: &Pruned,
    ) -> Result<(), Error> {
        let positions = pruned.removed.iter().filter_map(|(_, c)| c.position());
        for position in positions.map(u64::from) {
            if !call.is_unmarked_cut(&mut self.shards, tip, position)? {
                continue;
            }
            summary.unmarked = summary.unmarked.saturating_sub(1);
            if self.checkpoints_at(position) == 0 {
                call.shard_in(&mut self.shards, tip, position)?
                    .set_flags(position, RetentionFlags::EPHEMERAL);
            }
        }
        Ok(())
    }

    /// The leaves whose marks the pruned checkpoints removed, unless a kept one removes them too:
    /// then they go with that one.
    fn marks<K: Kv, const DEPTH: u8>(
        &mut self,
        call: &mut Call<'_, K, H, DEPTH>,
        tip: &mut Tip<H>,
        summary: &mut Summary,
        marks: &BTreeSet<u64>,
    ) -> Result<(), Error> {
        for &mark in marks {
            let position = Position::from(mark);
            if self
                .kept
                .iter()
                .any(|c| c.marks_removed().contains(&position))
            {
                continue;
            }
            let checkpoints = self.checkpoints_at(mark);
            let shard = call.shard_in(&mut self.shards, tip, mark)?;
            let marked = shard.leaf(mark).is_some_and(|(_, flags)| flags.is_marked());
            if !marked {
                continue;
            }
            let newest = mark + 1 == tip.size;
            let flags = match checkpoints > 0 && !newest {
                true => RetentionFlags::CHECKPOINT,
                false => RetentionFlags::EPHEMERAL,
            };
            shard.set_flags(mark, flags);
            summary.unmarked = summary.unmarked.saturating_add(checkpoints);
            if newest {
                tip.last_marked = false;
                call.stage_tip(tip);
            }
        }
        Ok(())
    }
}

/// The bytes that two keys start with both.
pub(super) fn shared_prefix(a: &[u8], b: &[u8]) -> Vec<u8> {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b);
    shared.map(|(byte, _)| *byte).collect()
}
