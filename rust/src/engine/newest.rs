//! The newest checkpoint.

use super::reads::{size_within, without_summary};
use super::{CheckpointInfo, SchemeEngine};
use crate::error::Error;
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// The newest checkpoint, if there is one. The summary names it, so nothing is listed.
    ///
    /// Reads the tip, the summary and the checkpoint, and whether it is retained if any is. Without a
    /// summary it looks for a checkpoint, which something else must have made.
    pub fn newest(&mut self) -> Result<Option<CheckpointInfo>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let summary = call.reads.summary()?;
            if summary.count == 0 {
                let mut listed = listing::checkpoints(
                    call.reads.kv(),
                    vec![keys::CHECKPOINT],
                    Direction::Ascending,
                )?;
                return match listed.next().transpose()? {
                    None => Ok(None),
                    Some((id, _)) => Err(without_summary(id, &tip).into()),
                };
            }
            let id = summary.newest;
            let size = size_within(id, &call.reads.required_checkpoint(id)?, &tip)?;
            let retained = summary.retained > 0 && call.reads.is_retained(id)?;
            Ok(Some(CheckpointInfo { id, size, retained }))
        })
    }
}
