//! The newest checkpoint.

use super::reads::size_within;
use super::{CheckpointInfo, SchemeEngine};
use crate::error::Error;
use crate::kv::Kv;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// The newest checkpoint, if there is one: named by the summary, so that nothing is listed.
    ///
    /// Reads the tip, the summary and the checkpoint, and whether it is retained if any is.
    pub fn newest(&mut self) -> Result<Option<CheckpointInfo>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let summary = call.reads.summary()?;
            if summary.count == 0 {
                return Ok(None);
            }
            let id = summary.newest;
            let size = size_within(id, &call.reads.required_checkpoint(id)?, &tip)?;
            let retained = summary.retained > 0 && call.reads.is_retained(id)?;
            Ok(Some(CheckpointInfo { id, size, retained }))
        })
    }
}
