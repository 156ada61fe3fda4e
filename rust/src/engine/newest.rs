//! The newest checkpoint.

use super::reads::size_of;
use super::{CheckpointInfo, Engine};
use crate::codec::TreeNode;
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// The newest checkpoint, if there is one: named by the summary, so that nothing is listed.
    ///
    /// Reads the summary and the checkpoint, and whether it is retained if any is. Without a summary
    /// it looks for a tip and a checkpoint, to tell a tree from what something else wrote.
    pub fn newest(&mut self) -> Result<Option<CheckpointInfo>, Error> {
        self.call(|call| {
            let summary = call.reads.summary()?;
            if summary.count == 0 {
                call.reads.tip()?;
                let mut listed = listing::checkpoints(
                    call.reads.kv(),
                    vec![keys::CHECKPOINT],
                    Direction::Ascending,
                )?;
                return match listed.next().transpose()? {
                    None => Ok(None),
                    Some((id, _)) => Err(KvError::Foreign {
                        key: keys::checkpoint(id),
                    }
                    .into()),
                };
            }
            let id = summary.newest;
            let size = size_of(&call.reads.required_checkpoint(id)?);
            if size > 1 << DEPTH {
                let reason = format!("it is at size {size}, in a tree of depth {DEPTH}");
                return Err(KvError::corrupt(&keys::checkpoint(id), reason).into());
            }
            let retained = summary.retained > 0 && call.reads.is_retained(id)?;
            Ok(Some(CheckpointInfo { id, size, retained }))
        })
    }
}
