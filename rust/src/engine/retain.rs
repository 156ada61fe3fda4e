//! Retaining checkpoints beyond the number that is kept.

use super::Engine;
use crate::codec::{RETAINED_VALUE, TreeNode};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Kv;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// Exempts a checkpoint from pruning; it no longer counts among those that are kept. Does
    /// nothing if it is retained already. 3 gets and 2 sets; for the oldest prunable one also what
    /// [`checkpoint`](Self::checkpoint) reads to find the next.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn retain_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let mut summary = call.summary()?;
            if call.checkpoint(id)?.is_none() {
                return Err(Error::CheckpointNotFound { id });
            }
            if call.is_retained(id)? {
                return Ok(());
            }
            if summary.retained == summary.count {
                let reason = format!("{summary:?}, but {id} is not retained");
                return Err(KvError::corrupt(&keys::summary(), reason).into());
            }
            if id == summary.oldest {
                summary.oldest = match summary.count - summary.retained {
                    1 => 0,
                    _ => call.next_prunable(&summary)?,
                };
            }
            summary.retained += 1;
            call.stage(keys::retained(id), RETAINED_VALUE.to_vec());
            call.stage_summary(&summary);
            call.commit()
        })
    }

    /// Lets a checkpoint be pruned again, which the next [`checkpoint`](Self::checkpoint) does if
    /// there are too many. Does nothing if it is not retained. 3 gets, 1 set, 1 delete.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn release_checkpoint(&mut self, id: u32) -> Result<(), Error> {
        self.call(|call| {
            let mut summary = call.summary()?;
            if call.checkpoint(id)?.is_none() {
                return Err(Error::CheckpointNotFound { id });
            }
            if !call.is_retained(id)? {
                return Ok(());
            }
            summary.oldest = match summary.count - summary.retained {
                0 => id,
                _ => summary.oldest.min(id),
            };
            summary.retained = summary.retained.checked_sub(1).ok_or_else(|| {
                let reason = format!("{summary:?}, but {id} is retained");
                KvError::corrupt(&keys::summary(), reason)
            })?;
            call.stage_delete(keys::retained(id));
            call.stage_summary(&summary);
            call.commit()
        })
    }
}
