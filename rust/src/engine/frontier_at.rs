//! Frontiers of the past. Nothing to the left of a leaf's path ever changes, so the tree still has the
//! frontier if it has the leaf.

use super::call::Call;
use super::{SchemeEngine, TreeFrontier};
use crate::codec::Tip;
use crate::error::Error;
use crate::kv::Kv;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// The frontier at a checkpoint. What [`frontier_at_size`](Self::frontier_at_size) reads, and the
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn frontier_at(&mut self, id: u32) -> Result<TreeFrontier<S::Node>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let (_, size) = call.reads.checkpoint_of(id, &tip)?;
            call.frontier_of(&tip, size)
        })
    }

    /// The frontier that the tree had at a size, whether or not a checkpoint is there.
    ///
    /// Reads tip, cap and the leaf's shard, the shard before it at most, and a quad at most for each
    /// pair of levels.
    ///
    /// # Errors
    ///
    /// [`Error::SizeNotReached`] above the size; [`Error::Pruned`] if the leaf was not kept.
    pub fn frontier_at_size(&mut self, size: u64) -> Result<TreeFrontier<S::Node>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            if size > tip.size {
                let (asked, size) = (size, tip.size);
                return Err(Error::SizeNotReached { asked, size });
            }
            if let Some(position) = size.checked_sub(1) {
                let shard = call.shard_of(&tip, position, tip.size)?;
                shard.leaf(position).ok_or(Error::Pruned { position })?;
            }
            call.frontier_of(&tip, size)
        })
    }
}

impl<S: Scheme> Call<'_, S> {
    /// The frontier at a size whose newest leaf must be there.
    pub fn frontier_of(
        &self,
        tip: &Tip<S::Node>,
        size: u64,
    ) -> Result<TreeFrontier<S::Node>, Error> {
        match size.checked_sub(1) {
            None => Ok(TreeFrontier::empty()),
            Some(position) => self.frontier_with(tip, position),
        }
    }
}
