//! The checkpoints that are pruned next.
//!
//! Up to the lowest retained checkpoint, a listing of the checkpoints gives them. Behind it there can be
//! any number of retained ones. So each prunable checkpoint there also has a record beside the summary,
//! and only those records are listed.

use shardtree::RetentionFlags;
use shardtree::store::Checkpoint;

use super::call::Call;
use super::cuts::{Count, Shards};
use super::reads::size_of;
use crate::codec::{LISTED, LISTED_WITH_MARKS, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Direction;
use crate::listing;
use crate::scheme::Scheme;

/// A checkpoint, with its record if that is needed.
type Prunable = (u32, Option<Checkpoint>);

/// Listed checkpoints: the id, and whether marks were removed in the record.
type Listed<'a> = Box<dyn Iterator<Item = Result<(u32, bool), KvError>> + 'a>;

/// Checkpoints that are pruned, oldest first, and the one that is then the oldest prunable.
#[derive(Default)]
pub(super) struct Pruned {
    pub removed: Vec<Prunable>,
    pub next: Option<Prunable>,
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

    /// Whether a prunable checkpoint of this id is listed.
    fn lists(&self, id: u32) -> bool {
        let lowest = self.ledger.lowest_retained;
        lowest.is_some_and(|lowest| id > lowest)
    }

    /// The lowest checkpoint that is kept, retained or not.
    pub(super) fn lowest_kept(&self) -> u32 {
        match self.ledger.lowest_retained {
            Some(lowest) if self.prunable() == 0 => lowest,
            Some(lowest) => lowest.min(self.oldest),
            None => self.oldest,
        }
    }
}

impl<S: Scheme> Call<'_, S> {
    /// The `count` oldest prunable checkpoints, and the next.
    pub fn oldest_prunable(&self, summary: &Summary, count: u32) -> Result<Pruned, Error> {
        let count = count as usize;
        let wanted = (count + 1).min(summary.prunable() as usize);
        let mut found = match summary.lists(summary.oldest) {
            true => vec![],
            false => self.first_unlisted(summary, wanted)?,
        };
        if found.len() < wanted && summary.retained > 0 {
            self.add_listed(summary, wanted, &mut found)?;
        }
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
    pub fn next_prunable(&self, summary: &Summary) -> Result<u32, Error> {
        let pruned = self.oldest_prunable(summary, 1)?;
        Ok(pruned.next.map_or(0, |(id, _)| id))
    }

    /// The first prunable checkpoints below the lowest retained one. Lists all ids that start with the
    /// bytes that the oldest and the newest share.
    fn first_unlisted(&self, summary: &Summary, wanted: usize) -> Result<Vec<Prunable>, Error> {
        let oldest = keys::checkpoint(summary.oldest);
        let prefix = shared_prefix(&oldest, &keys::checkpoint(summary.newest));
        let lowest_retained = summary.ledger.lowest_retained;
        let mut found = vec![];
        for listed in listing::checkpoints(self.reads.kv(), prefix, Direction::Ascending)? {
            let (id, checkpoint) = listed?;
            if lowest_retained == Some(id) {
                return Ok(found);
            }
            found.push((id, Some(checkpoint)));
            if found.len() == wanted {
                return Ok(found);
            }
        }
        Err(not_met(summary, lowest_retained.unwrap_or(summary.newest)))
    }

    /// Adds the first ones that are listed as prunable. Reads their records only if leaves or marks can
    /// depend on them.
    fn add_listed(
        &self,
        summary: &Summary,
        wanted: usize,
        found: &mut Vec<Prunable>,
    ) -> Result<(), Error> {
        let listed: Vec<_> = self
            .listed()?
            .take(wanted - found.len())
            .collect::<Result<_, _>>()?;
        for (id, with_marks) in listed {
            let checkpoint = match with_marks || summary.unmarked > 0 {
                true => Some(self.reads.required_checkpoint(id)?),
                false => None,
            };
            found.push((id, checkpoint));
        }
        Ok(())
    }

    /// Lists a checkpoint that may be pruned, if it stands behind a retained one.
    pub fn list(&mut self, summary: &Summary, id: u32, checkpoint: &Checkpoint) {
        if summary.lists(id) {
            let value = match checkpoint.marks_removed().is_empty() {
                true => LISTED,
                false => LISTED_WITH_MARKS,
            };
            self.writes.stage(keys::prunable(id), value.to_vec());
        }
    }

    /// Takes a checkpoint that was prunable off the list, if it stood there.
    pub fn unlist(&mut self, summary: &Summary, id: u32) {
        if summary.lists(id) {
            self.writes.stage_gone(keys::prunable(id));
        }
    }

    /// Makes a checkpoint the lowest retained one. Lists the prunable ones between it and the former
    /// lowest as prunable: one step and one set each.
    pub fn lower_lowest_retained(&mut self, summary: &mut Summary, id: u32) -> Result<(), Error> {
        let between = self.between(summary, id, summary.ledger.lowest_retained)?;
        summary.ledger.lowest_retained = Some(id);
        for (other, checkpoint) in between {
            self.list(summary, other, &checkpoint);
        }
        Ok(())
    }

    /// The lowest retained checkpoint is no longer retained. The next one becomes the lowest, and the
    /// prunable ones between the two are no longer listed: one step and one delete each.
    pub fn raise_lowest_retained(&mut self, summary: &mut Summary, id: u32) -> Result<(), Error> {
        let mut retained = listing::retained(self.reads.kv())?;
        let first = retained.next().transpose()?;
        let next = retained.next().transpose()?;
        drop(retained);
        if first != Some(id) || next.is_some() != (summary.retained > 1) {
            let reason = format!("{summary:?}, but the first retained are {first:?} and {next:?}");
            return Err(KvError::corrupt(&keys::summary(), reason).into());
        }
        for (other, _) in self.between(summary, id, next)? {
            self.unlist(summary, other);
        }
        summary.ledger.lowest_retained = next;
        Ok(())
    }

    /// The checkpoints between one and the next retained one, or all behind it. They are prunable, and
    /// so are those before. Lists them from the end that has fewer checkpoints in front of them.
    fn between(
        &self,
        summary: &Summary,
        id: u32,
        next: Option<u32>,
    ) -> Result<Vec<(u32, Checkpoint)>, Error> {
        let (begin, end, direction) = match next {
            Some(next) => (id, next, Direction::Ascending),
            None => (summary.newest, id, Direction::Descending),
        };
        let mut between = vec![];
        if begin == end {
            return Ok(between);
        }
        let prefix = shared_prefix(&keys::checkpoint(begin), &keys::checkpoint(end));
        for listed in listing::checkpoints(self.reads.kv(), prefix, direction)? {
            let (other, checkpoint) = listed?;
            if other == end {
                return Ok(between);
            }
            if other > id {
                between.push((other, checkpoint));
            }
        }
        Err(not_met(summary, end))
    }

    /// Releases the leaves of pruned checkpoints, unless another checkpoint is at the same leaf.
    pub fn release_cuts(
        &mut self,
        tip: &Tip<S::Node>,
        summary: &mut Summary,
        pruned: &Pruned,
        shards: &mut Shards<S::Node>,
    ) -> Result<(), Error> {
        let next = pruned.next.as_ref().and_then(|(_, next)| next.as_ref());
        let next_size = next.map_or(tip.size, size_of);
        for (_, checkpoint) in &pruned.removed {
            let Some(position) = checkpoint.as_ref().and_then(Checkpoint::position) else {
                continue;
            };
            let position = u64::from(position);
            if !self.is_unmarked_cut(shards, tip, position)? {
                continue;
            }
            summary.unmarked = summary.unmarked.saturating_sub(1);
            let kept = next_size == position + 1
                || (summary.retained > 0 && self.retained_cut(position)? > 0);
            if !kept {
                self.shard_in(shards, tip, position)?
                    .set_flags(position, RetentionFlags::EPHEMERAL);
            }
        }
        Ok(())
    }

    /// The checkpoints that are listed as prunable, ascending: those that this call is about to list, or
    /// those that are stored.
    fn listed(&self) -> Result<Listed<'_>, KvError> {
        Ok(match &self.listed_now {
            Some(listed) => Box::new(listed.iter().copied().map(Ok)),
            None => Box::new(listing::prunable(self.reads.kv())?),
        })
    }

    /// The summary, to be changed. If an older release wrote it, without the records beside it, and it
    /// has retained checkpoints, it first gets these records: all checkpoints are listed once.
    pub fn summary_to_change(
        &mut self,
        tip: &Tip<S::Node>,
        shards: &mut Shards<S::Node>,
    ) -> Result<Summary, Error> {
        let mut summary = self.reads.summary()?;
        if summary.retained == 0 || summary.ledger.lowest_retained.is_some() {
            return Ok(summary);
        }
        let retained: Vec<u32> = listing::retained(self.reads.kv())?.collect::<Result<_, _>>()?;
        summary.ledger.lowest_retained = retained.first().copied();
        let all: Vec<_> = listing::checkpoints(
            self.reads.kv(),
            vec![keys::CHECKPOINT],
            Direction::Ascending,
        )?
        .collect::<Result<_, _>>()?;
        let mut listed_now = vec![];
        for (id, checkpoint) in all {
            if retained.binary_search(&id).is_ok() {
                self.recount_retained_cut(&summary, tip, shards, &checkpoint, Count::One)?;
            } else if summary.lists(id) {
                self.list(&summary, id, &checkpoint);
                listed_now.push((id, !checkpoint.marks_removed().is_empty()));
            }
        }
        self.listed_now = Some(listed_now);
        Ok(summary)
    }
}

/// A listing ended before a checkpoint that it must meet.
fn not_met(summary: &Summary, id: u32) -> Error {
    let reason = format!("{summary:?}, but a listing ends before {id}");
    KvError::corrupt(&keys::summary(), reason).into()
}

/// The bytes that both keys start with.
pub(super) fn shared_prefix(a: &[u8], b: &[u8]) -> Vec<u8> {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b);
    shared.map(|(byte, _)| *byte).collect()
}
