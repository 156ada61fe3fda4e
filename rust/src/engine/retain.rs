//! Retaining checkpoints beyond the number that is kept.

use shardtree::store::Checkpoint;

use super::SchemeEngine;
use super::call::Call;
use super::cuts::{Count, Shards};
use crate::codec::{RETAINED_VALUE, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Kv;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Exempts a checkpoint from pruning. It no longer counts among those that are kept, and keeps what
    /// it proves. Does nothing if it is already retained.
    ///
    /// 4 gets and 2 sets; a delete if a lower one is retained. If it becomes the lowest retained one: a
    /// step and a set for each prunable one between it and the next retained one, or the newest; none
    /// for the newest itself. For the oldest prunable one, also what
    /// [`checkpoint`](Self::checkpoint) reads to find the next. If leaves without a mark are kept for
    /// checkpoints, also a shard and a count.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn retain_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let Found {
                tip,
                mut summary,
                checkpoint,
                mut shards,
            } = call.found(id)?;
            if call.reads.is_retained(id)? {
                return Ok(());
            }
            if summary.retained == summary.count {
                let reason = format!("{summary:?}, but {id} is not retained");
                return Err(KvError::corrupt(&keys::summary(), reason).into());
            }
            if id == summary.oldest {
                summary.oldest = match summary.prunable() {
                    1 => 0,
                    _ => call.next_prunable(&summary)?,
                };
            }
            summary.retained += 1;
            call.unlist(&summary, id);
            let lowest = summary.ledger.lowest_retained;
            if lowest.is_none_or(|lowest| id < lowest) {
                call.lower_lowest_retained(&mut summary, id)?;
            }
            call.recount_retained_cut(&summary, &tip, &mut shards, &checkpoint, Count::One)?;
            call.writes
                .stage(keys::retained(id), RETAINED_VALUE.to_vec());
            call.writes.stage_summary(&summary);
            call.commit()
        })
    }

    /// Lets a checkpoint be pruned again. The next [`checkpoint`](Self::checkpoint) prunes it if there
    /// are too many. Does nothing if it is not retained.
    ///
    /// 4 gets, 2 sets, 1 delete. The lowest retained one takes, in place of a set, two listings: of the
    /// retained ones, and of the checkpoints up to the next retained one; and a delete for each
    /// prunable one among these. If leaves without a mark are kept for checkpoints, also a shard and a
    /// count.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn release_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let Found {
                tip,
                mut summary,
                checkpoint,
                mut shards,
            } = call.found(id)?;
            if !call.reads.is_retained(id)? {
                return Ok(());
            }
            call.recount_retained_cut(&summary, &tip, &mut shards, &checkpoint, Count::OneLess)?;
            match summary.ledger.lowest_retained == Some(id) {
                true => call.raise_lowest_retained(&mut summary, id)?,
                false => call.list(&summary, id, &checkpoint),
            }
            summary.oldest = match summary.prunable() {
                0 => id,
                _ => summary.oldest.min(id),
            };
            summary.retained = summary.retained.checked_sub(1).ok_or_else(|| {
                let reason = format!("{summary:?}, but {id} is retained");
                KvError::corrupt(&keys::summary(), reason)
            })?;
            call.writes.stage_delete(keys::retained(id));
            call.writes.stage_summary(&summary);
            call.commit()
        })
    }
}

/// What both calls begin with.
struct Found<H> {
    tip: Tip<H>,
    summary: Summary,
    checkpoint: Checkpoint,
    shards: Shards<H>,
}

impl<S: Scheme> Call<'_, S> {
    fn found(&mut self, id: u32) -> Result<Found<S::Node>, Error> {
        let tip = self.reads.tip()?;
        let checkpoint = self
            .reads
            .checkpoint(id)?
            .ok_or(Error::CheckpointNotFound { id })?;
        self.reads.summary_beside(id, &tip)?;
        let mut shards = Shards::new();
        let summary = self.summary_to_change(&tip, &mut shards)?;
        Ok(Found {
            tip,
            summary,
            checkpoint,
            shards,
        })
    }
}
