//! Retaining checkpoints beyond the number that is kept.

use super::Engine;
use super::call::Call;
use crate::codec::{RETAINED_VALUE, Summary, TreeNode};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Kv;
use shardtree::store::Checkpoint;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// Exempts a checkpoint from pruning; it no longer counts among those that are kept, and keeps
    /// what it proves. Does nothing if it is retained already. 3 gets and 2 sets, and a delete if
    /// others are retained; for the oldest prunable one also what
    /// [`checkpoint`](Self::checkpoint) reads to find the next. If leaves without a mark are kept
    /// for checkpoints, also tip, shard and a count.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn retain_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let (mut summary, checkpoint) = call.summary_and_checkpoint(id)?;
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
            call.unlist(&mut summary, id)?;
            call.recount_retained_cut(&summary, &checkpoint, |count| count.checked_add(1))?;
            call.writes
                .stage(keys::retained(id), RETAINED_VALUE.to_vec());
            call.writes.stage_summary(&summary);
            call.commit()
        })
    }

    /// Lets a checkpoint be pruned again, which the next [`checkpoint`](Self::checkpoint) does if
    /// there are too many. Does nothing if it is not retained. 3 gets, 2 sets, 1 delete. If leaves
    /// without a mark are kept for checkpoints, also tip, shard and a count.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn release_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let (mut summary, checkpoint) = call.summary_and_checkpoint(id)?;
            if !call.reads.is_retained(id)? {
                return Ok(());
            }
            let before = summary;
            summary.oldest = match summary.prunable() {
                0 => id,
                _ => summary.oldest.min(id),
            };
            summary.retained = summary.retained.checked_sub(1).ok_or_else(|| {
                let reason = format!("{summary:?}, but {id} is retained");
                KvError::corrupt(&keys::summary(), reason)
            })?;
            call.recount_retained_cut(&summary, &checkpoint, |count| count.checked_sub(1))?;
            call.list_released(&before, &mut summary, id, &checkpoint);
            summary.ledger.cuts_counted &= summary.retained > 0;
            call.writes.stage_delete(keys::retained(id));
            call.writes.stage_summary(&summary);
            call.commit()
        })
    }
}

impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    /// The summary and a checkpoint. Where there is neither, a look tells a store of another
    /// from one without checkpoints.
    fn summary_and_checkpoint(&mut self, id: u32) -> Result<(Summary, Checkpoint), Error> {
        let summary = self.reads.summary()?;
        if summary.count == 0 {
            self.reads.tip()?;
        }
        let checkpoint = self
            .reads
            .checkpoint(id)?
            .ok_or(Error::CheckpointNotFound { id })?;
        let summary = self.reads.summary_beside(id).map(|_| summary)?;
        Ok((summary, checkpoint))
    }
}
