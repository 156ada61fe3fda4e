//! Which checkpoints are the next to be pruned.
//!
//! A listing of the checkpoints gives them, as long as nothing is retained: then the oldest is its
//! first. Retained checkpoints stand in front of it and between, any number of them. So while there
//! are retained ones, each new checkpoint is listed as prunable in a record beside the summary, and
//! those records alone are looked through. Checkpoints that were made before the first was retained
//! have no such record; [`Ledger::listed_from`](crate::codec::Ledger) tells from which id on all
//! have.

use shardtree::store::Checkpoint;

use super::call::Call;
use crate::codec::{LISTED, LISTED_WITH_MARKS, Summary, TreeNode};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;

/// Checkpoints that are pruned, oldest first, and the one that is then the oldest prunable.
#[derive(Default)]
pub(super) struct Pruned {
    /// With their records, where these are needed.
    pub removed: Vec<(u32, Option<Checkpoint>)>,
    pub next: Option<(u32, Option<Checkpoint>)>,
}

impl Pruned {
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.removed.iter().map(|(id, _)| *id)
    }
}

impl Summary {
    /// Checkpoints that are not retained.
    pub(super) fn prunable(&self) -> u32 {
        self.count - self.retained
    }

    /// Whether all prunable checkpoints are listed.
    fn lists_all(&self) -> bool {
        self.ledger.listed > 0 && self.oldest >= self.ledger.listed_from
    }
}

impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    /// The `count` oldest prunable checkpoints, and the next.
    pub fn oldest_prunable(&mut self, summary: &Summary, count: u32) -> Result<Pruned, Error> {
        let count = count as usize;
        let wanted = (count + 1).min(summary.prunable() as usize);
        let mut found = match summary.lists_all() {
            true => self.first_listed(summary, wanted)?,
            false => self.first_unretained(summary, wanted)?,
        };
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

    /// The id of the second oldest prunable checkpoint; there are two at least.
    pub fn next_prunable(&mut self, summary: &Summary) -> Result<u32, Error> {
        let pruned = self.oldest_prunable(summary, 1)?;
        Ok(pruned.next.map_or(0, |(id, _)| id))
    }

    /// The first of those that are listed as prunable. Their records are read only if leaves or
    /// marks may depend on them.
    fn first_listed(
        &mut self,
        summary: &Summary,
        wanted: usize,
    ) -> Result<Vec<(u32, Option<Checkpoint>)>, Error> {
        let listed: Vec<_> = listing::prunable(self.reads.kv())?
            .take(wanted)
            .collect::<Result<_, _>>()?;
        let mut found = vec![];
        for (id, with_marks) in listed {
            let checkpoint = match with_marks || summary.unmarked > 0 {
                true => Some(self.reads.required_checkpoint(id)?),
                false => None,
            };
            found.push((id, checkpoint));
        }
        Ok(found)
    }

    /// The first checkpoints from the oldest prunable on that are not retained. The listing is of
    /// all ids that start with the bytes that the oldest and the newest share; so it begins with
    /// the oldest, or with retained ones among those that are not listed as prunable.
    fn first_unretained(
        &mut self,
        summary: &Summary,
        wanted: usize,
    ) -> Result<Vec<(u32, Option<Checkpoint>)>, Error> {
        let oldest = keys::checkpoint(summary.oldest);
        let prefix = shared_prefix(&oldest, &keys::checkpoint(summary.newest));
        let mut found = vec![];
        for listed in listing::checkpoints(self.reads.kv(), prefix, Direction::Ascending)? {
            let (id, checkpoint) = listed?;
            let retained =
                summary.retained > 0 && id >= summary.oldest && self.reads.is_retained(id)?;
            if id < summary.oldest || retained {
                continue;
            }
            found.push((id, Some(checkpoint)));
            if found.len() == wanted {
                break;
            }
        }
        Ok(found)
    }

    /// Lists a new checkpoint while there are retained ones.
    pub fn list_new(&mut self, summary: &mut Summary, id: u32) {
        let ledger = &mut summary.ledger;
        if summary.retained > 0 {
            if ledger.listed == 0 {
                ledger.listed_from = id;
            }
            ledger.listed += 1;
            self.writes.stage(keys::prunable(id), LISTED.to_vec());
        } else if ledger.listed > 0 {
            // It is not listed: all are from the next one on.
            ledger.listed_from = id.saturating_add(1);
        }
    }

    /// Lists a checkpoint that was retained, if it stands among those that are all listed, or right
    /// before them.
    pub fn list_released(
        &mut self,
        before: &Summary,
        summary: &mut Summary,
        id: u32,
        c: &Checkpoint,
    ) {
        let ledger = &mut summary.ledger;
        let among = ledger.listed > 0 && id >= ledger.listed_from;
        let first = summary.retained > 0 && (before.lists_all() || before.prunable() == 0);
        if !among && !first {
            return;
        }
        if !among {
            ledger.listed_from = id;
        }
        ledger.listed += 1;
        let value = match c.marks_removed().is_empty() {
            true => LISTED,
            false => LISTED_WITH_MARKS,
        };
        self.writes.stage(keys::prunable(id), value.to_vec());
    }

    /// Takes a checkpoint that is gone, or now retained, off the list if it is there. 1 get if that
    /// is not known.
    pub fn unlist(&mut self, summary: &mut Summary, id: u32) -> Result<(), Error> {
        let ledger = &mut summary.ledger;
        if ledger.listed == 0 {
            return Ok(());
        }
        let key = keys::prunable(id);
        if id < ledger.listed_from
            && !self
                .reads
                .record(key.clone(), |value| Ok(value.is_some()))?
        {
            return Ok(());
        }
        self.writes.stage_delete(key);
        ledger.listed -= 1;
        if ledger.listed == 0 {
            ledger.listed_from = 0;
        }
        Ok(())
    }
}

/// The bytes that two keys start with both.
pub(super) fn shared_prefix(a: &[u8], b: &[u8]) -> Vec<u8> {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b);
    shared.map(|(byte, _)| *byte).collect()
}
