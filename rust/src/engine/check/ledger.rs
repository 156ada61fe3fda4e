//! Checking the records beside the summary.

use std::collections::{BTreeMap, BTreeSet};

use shardtree::store::Checkpoint;

use super::Check;
use crate::codec::{self, REMOVED_BEFORE, REMOVED_VALUE, Removed, Summary, Tip, TreeNode};
use crate::engine::reads::size_of;
use crate::error::Error;
use crate::keys;
use crate::kv::Kv;
use crate::listing;

/// The removed marks that wait.
pub(super) struct RemovedMarks {
    /// The lowest checkpoint as of which one was removed.
    first: Option<u32>,
    pub positions: BTreeSet<u64>,
}

impl<K: Kv, H: TreeNode, const DEPTH: u8> Check<'_, '_, K, H, DEPTH> {
    /// The prunable checkpoints that are listed: all from a certain id on.
    pub(super) fn listed(
        &mut self,
        summary: &Summary,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        retained: &BTreeSet<u32>,
    ) -> Result<(), Error> {
        let prefix = [keys::SUMMARY, keys::PRUNABLE];
        let entries = self.entries_below(&prefix, keys::parse_prunable)?;
        let count = entries.len() as u32;
        let mut listed = BTreeSet::new();
        for (id, value) in entries {
            listed.insert(id);
            let Some(with_marks) = self.decoded("ledger", listing::check_listed(id, &value))?
            else {
                continue;
            };
            let detail = match checkpoints.get(&id) {
                None => "there is no such checkpoint",
                Some(_) if retained.contains(&id) => "the checkpoint is retained",
                Some(c) if c.marks_removed().is_empty() == with_marks => {
                    "it says otherwise whether marks were removed in the checkpoint's record"
                }
                Some(_) => continue,
            };
            self.report("ledger", keys::prunable(id), detail);
        }
        let ledger = summary.ledger;
        if count != ledger.listed {
            let detail = format!("{count} are listed as prunable; it says {}", ledger.listed);
            self.report("ledger", keys::summary(), detail);
        }
        if count > 0 {
            for id in checkpoints.keys().filter(|id| **id >= ledger.listed_from) {
                if !listed.contains(id) && !retained.contains(id) {
                    self.report("ledger", keys::prunable(*id), "missing");
                }
            }
        }
        Ok(())
    }

    /// The counts of retained checkpoints at leaves without a mark.
    pub(super) fn retained_cuts(
        &mut self,
        summary: &Summary,
        mut expected: BTreeMap<u64, u32>,
    ) -> Result<(), Error> {
        if !summary.ledger.cuts_counted {
            expected.clear();
        }
        let prefix = [keys::SUMMARY, keys::RETAINED_CUT];
        let parse = |key: &[u8]| keys::parse_position(keys::RETAINED_CUT, key);
        for (position, value) in self.entries_below(&prefix, parse)? {
            let count = codec::decode_retained_cut(position, &value);
            let Some(count) = self.decoded("ledger", count)? else {
                expected.remove(&position);
                continue;
            };
            let there = expected.remove(&position).unwrap_or(0);
            if there != count {
                let detail = format!("it counts {count} retained checkpoints, of {there}");
                self.report("ledger", keys::retained_cut(position), detail);
            }
        }
        for position in expected.into_keys() {
            self.report("ledger", keys::retained_cut(position), "missing");
        }
        Ok(())
    }

    /// The removals that wait, by checkpoint and by position.
    pub(super) fn removed_marks(
        &mut self,
        tip: &Tip<H>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
    ) -> Result<RemovedMarks, Error> {
        let mut first = None;
        let mut by_position: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        let prefix = [keys::SUMMARY, keys::REMOVED];
        for ((id, position), value) in self.entries_below(&prefix, keys::parse_removed)? {
            first = first.or(Some(id));
            by_position.entry(position).or_default().insert(id);
            let size = checkpoints.get(&id).map_or(tip.size, size_of);
            let ends_here = size.checked_sub(1) == Some(position) && checkpoints.contains_key(&id);
            let sound = (tip.origin..size).contains(&position)
                && (value == REMOVED_VALUE || (value == REMOVED_BEFORE && ends_here));
            if !sound {
                let detail = format!("it removed a mark that is not in {}..{size}", tip.origin);
                self.report("removals", keys::removed(id, position), detail);
            }
        }
        let positions = by_position.keys().copied().collect();
        let prefix = [keys::SUMMARY, keys::REMOVALS];
        let parse = |key: &[u8]| keys::parse_position(keys::REMOVALS, key);
        for (position, value) in self.entries_below(&prefix, parse)? {
            let ids = self.decoded("removals", codec::decode_removals(position, &value))?;
            if by_position.remove(&position) != ids {
                let detail = "it does not list what the checkpoints removed";
                self.report("removals", keys::removals(position), detail);
            }
        }
        for position in by_position.into_keys() {
            self.report("removals", keys::removals(position), "missing");
        }
        Ok(RemovedMarks { first, positions })
    }

    /// What the summary says that the removals wait for.
    pub(super) fn removed_state(
        &mut self,
        summary: &Summary,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        removed: &RemovedMarks,
    ) {
        let state = summary.ledger.removed;
        let sound = match (state, removed.first) {
            (Removed::None, first) => first.is_none(),
            (Removed::WaitFor(id), Some(first)) => id <= first && checkpoints.contains_key(&id),
            (Removed::Due, first) => first.is_some(),
            _ => false,
        };
        if !sound {
            let first = removed.first;
            let detail = format!("the first removal is {first:?}'s; it says {state:?}");
            self.report("removals", keys::summary(), detail);
        }
    }
}
