//! Checking the records beside the summary.

use std::collections::{BTreeMap, BTreeSet};

use shardtree::store::Checkpoint;

use super::Check;
use crate::codec::{self, REMOVED_BEFORE, REMOVED_VALUE, Summary, Tip};
use crate::engine::reads::size_of;
use crate::error::Error;
use crate::keys;
use crate::listing;
use crate::scheme::Scheme;

/// The removed marks that wait.
pub(super) struct RemovedMarks {
    /// The lowest checkpoint as of which one was removed.
    first: Option<u32>,
    count: u32,
    pub positions: BTreeSet<u64>,
}

impl<S: Scheme> Check<'_, '_, S> {
    /// The lowest retained checkpoint, and the prunable ones behind it, which are all listed.
    pub(super) fn listed(
        &mut self,
        summary: &Summary,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        retained: &BTreeSet<u32>,
    ) -> Result<(), Error> {
        let lowest = summary.ledger.lowest_retained;
        if lowest.is_some() && lowest.as_ref() != retained.first() {
            let first = retained.first();
            let detail = format!("the lowest retained is {first:?}; it says {lowest:?}");
            self.report("ledger", keys::summary(), detail);
        }
        let behind = |id: &u32| lowest.is_some_and(|lowest| *id > lowest);
        let mut expected: BTreeMap<_, _> = checkpoints
            .iter()
            .filter(|(id, _)| behind(id) && !retained.contains(id))
            .collect();
        let prefix = [keys::SUMMARY, keys::PRUNABLE];
        for (id, value) in self.entries_below(&prefix, keys::parse_prunable)? {
            let with_marks = self.decoded("ledger", listing::check_listed(id, &value))?;
            let detail = match (expected.remove(&id), with_marks) {
                (None, _) => "no prunable checkpoint behind a retained one has this id",
                (Some(c), Some(with_marks)) if c.marks_removed().is_empty() == with_marks => {
                    "it says otherwise whether marks were removed in the checkpoint's record"
                }
                _ => continue,
            };
            self.report("ledger", keys::prunable(id), detail);
        }
        for id in expected.into_keys() {
            self.report("ledger", keys::prunable(*id), "missing");
        }
        Ok(())
    }

    /// The counts of retained checkpoints at leaves without a mark.
    pub(super) fn retained_cuts(
        &mut self,
        summary: &Summary,
        mut expected: BTreeMap<u64, u32>,
    ) -> Result<(), Error> {
        if summary.ledger.lowest_retained.is_none() {
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
        tip: &Tip<S::Node>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
    ) -> Result<RemovedMarks, Error> {
        let (mut first, mut count) = (None, 0);
        let mut by_position: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        let prefix = [keys::SUMMARY, keys::REMOVED];
        for ((id, position), value) in self.entries_below(&prefix, keys::parse_removed)? {
            first = first.or(Some(id));
            count += 1;
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
        Ok(RemovedMarks {
            first,
            count,
            positions,
        })
    }

    /// The first of the removals, as the summary has it.
    pub(super) fn first_removed(&mut self, summary: &Summary, removed: &RemovedMarks) {
        let says = (summary.ledger.first_removed, summary.ledger.removed);
        let are = (removed.first, removed.count);
        if says != are {
            let detail = format!(
                "the first removal's checkpoint and their number are {are:?}; it says {says:?}"
            );
            self.report("removals", keys::summary(), detail);
        }
    }
}
