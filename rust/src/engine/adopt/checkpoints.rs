//! The checkpoints of a `ShardTree`, and the records that this engine keeps of them.

use std::collections::{BTreeMap, BTreeSet};

use shardtree::store::{Checkpoint, TreeState};

use super::Records;
use crate::codec::{self, LISTED, REMOVED_VALUE, RETAINED_VALUE, Summary};
use crate::engine::reads::size_of;
use crate::error::KvError;
use crate::keys;
use crate::kv_shard_store::without_marks;
use crate::listing;

/// An empty tree's checkpoint as the crate `vote-commitment-tree` writes it: without a position.
const EMPTY_OF_VOTE_TREE: [u8; 5] = [0; 5];

/// The checkpoints, by id.
pub(super) struct Checkpoints {
    all: Vec<(u32, Checkpoint)>,
    retained: Vec<u32>,
    /// The positions of their newest leaves, ascending.
    positions: Vec<u64>,
    /// The marks that an interrupted take-over has moved out of the checkpoints' records already.
    removed: Vec<(u32, u64)>,
}

impl Checkpoints {
    /// Reads them from the records that were found.
    pub fn read(found: &Records) -> Result<Self, KvError> {
        let mut checkpoints = Checkpoints {
            all: vec![],
            retained: vec![],
            positions: vec![],
            removed: vec![],
        };
        for (key, value) in found {
            match key.first() {
                Some(&keys::CHECKPOINT) => checkpoints.take(key, value)?,
                Some(&keys::RETAINED) => {
                    let id = keys::parse_id(keys::RETAINED, key).ok_or_else(|| strange(key))?;
                    listing::check_retained(id, value)?;
                    checkpoints.retained.push(id);
                }
                Some(&keys::SUMMARY) => {
                    checkpoints.removed.extend(keys::parse_removed(key));
                }
                _ => {}
            }
        }
        let lost = checkpoints.retained.iter();
        let is_there = |id: &u32| {
            checkpoints
                .all
                .binary_search_by_key(id, |(id, _)| *id)
                .is_ok()
        };
        let mut lost = lost.filter(|id| !is_there(id));
        if let Some(id) = lost.next() {
            let reason = "there is no such checkpoint";
            return Err(KvError::corrupt(&keys::retained(*id), reason));
        }
        for (id, position) in checkpoints.removed_marks() {
            checkpoints.check_removed(id, position)?;
        }
        Ok(checkpoints)
    }

    /// A mark is removed as of a checkpoint that has the leaf.
    fn check_removed(&self, id: u32, position: u64) -> Result<(), KvError> {
        let at = self.all.binary_search_by_key(&id, |(id, _)| *id);
        let checkpoint = at.ok().map(|at| &self.all[at].1);
        let size = checkpoint.map_or(0, size_of);
        if position < size {
            return Ok(());
        }
        let within = checkpoint.is_some_and(|c| c.marks_removed().contains(&position.into()));
        let key = match within {
            true => keys::checkpoint(id),
            false => keys::removed(id, position),
        };
        let reason =
            format!("it removed the mark at {position}, and the checkpoint has {size} leaves");
        Err(KvError::corrupt(&key, reason))
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        let id = keys::parse_id(keys::CHECKPOINT, key).ok_or_else(|| strange(key))?;
        let checkpoint = match value == EMPTY_OF_VOTE_TREE {
            true => without_marks(TreeState::Empty),
            false => codec::decode_checkpoint(key, value)?,
        };
        let before = self.all.last().map_or(0, |(_, c)| size_of(c));
        let size = size_of(&checkpoint);
        if size < before {
            let reason = format!("it is at size {size}, and the one before at {before}");
            return Err(KvError::corrupt(key, reason));
        }
        self.positions.extend(size.checked_sub(1));
        self.all.push((id, checkpoint));
        Ok(())
    }

    /// Whether a checkpoint's newest leaf is at this position.
    pub fn is_at(&self, position: u64) -> bool {
        self.positions.binary_search(&position).is_ok()
    }

    /// The last of the positions at which a checkpoint is.
    pub fn last_position(&self) -> Option<u64> {
        self.positions.last().copied()
    }

    /// The key of a checkpoint at this position.
    pub fn key_at(&self, position: u64) -> Vec<u8> {
        let at = |(_, c): &&(u32, Checkpoint)| size_of(c) == position + 1;
        let found = self.all.iter().find(at);
        found.map_or_else(Vec::new, |(id, _)| keys::checkpoint(*id))
    }

    /// The marks that were removed, each with the checkpoint as of which it was, ascending.
    pub fn removed_marks(&self) -> Vec<(u32, u64)> {
        let mut removed = self.removed.clone();
        for (id, checkpoint) in &self.all {
            let marks = checkpoint.marks_removed().iter();
            removed.extend(marks.map(|mark| (*id, u64::from(*mark))));
        }
        removed.sort_unstable();
        removed.dedup();
        removed
    }

    fn is_retained(&self, id: u32) -> bool {
        self.retained.binary_search(&id).is_ok()
    }

    /// Adds the records of the checkpoints; `unmarked` are the positions of checkpoints whose leaf
    /// has no mark, ascending.
    pub fn add_records(&self, unmarked: &[u64], records: &mut Records) {
        let Some((newest, _)) = self.all.last() else {
            return;
        };
        let mut summary = Summary {
            count: self.all.len() as u32,
            retained: self.retained.len() as u32,
            newest: *newest,
            ..Summary::default()
        };
        let prunable = self.all.iter().find(|(id, _)| !self.is_retained(*id));
        summary.oldest = prunable.map_or(0, |(id, _)| *id);
        summary.ledger.lowest_retained = self.retained.first().copied();
        let mut cuts: BTreeMap<u64, u32> = BTreeMap::new();
        for (id, checkpoint) in &self.all {
            let state = without_marks(checkpoint.tree_state());
            records.insert(keys::checkpoint(*id), codec::encode_checkpoint(&state));
            let position = checkpoint.position().map(u64::from);
            let cut = position.filter(|position| unmarked.binary_search(position).is_ok());
            summary.unmarked += u32::from(cut.is_some());
            match self.is_retained(*id) {
                true => {
                    records.insert(keys::retained(*id), RETAINED_VALUE.to_vec());
                    if let Some(position) = cut {
                        *cuts.entry(position).or_default() += 1;
                    }
                }
                false if self.retained.first().is_some_and(|lowest| id > lowest) => {
                    records.insert(keys::prunable(*id), LISTED.to_vec());
                }
                false => {}
            }
        }
        for (position, count) in cuts {
            records.insert(
                keys::retained_cut(position),
                codec::encode_retained_cut(count),
            );
        }
        self.add_removals(&mut summary, records);
        records.insert(keys::summary(), codec::encode_summary(&summary));
    }

    fn add_removals(&self, summary: &mut Summary, records: &mut Records) {
        let removed = self.removed_marks();
        let mut removals: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        for (id, position) in &removed {
            records.insert(keys::removed(*id, *position), REMOVED_VALUE.to_vec());
            removals.entry(*position).or_default().insert(*id);
        }
        for (position, ids) in removals {
            records.insert(keys::removals(position), codec::encode_removals(&ids));
        }
        summary.ledger.first_removed = removed.first().map(|(id, _)| *id);
        summary.ledger.removed = removed.len() as u32;
    }
}

fn strange(key: &[u8]) -> KvError {
    KvError::corrupt(key, "no record of a tree has such a key")
}
