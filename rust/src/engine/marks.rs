//! Removing marks.

use std::collections::BTreeSet;

use shardtree::store::Checkpoint;

use super::Engine;
use crate::codec::{SHARD_HEIGHT, TreeNode};
use crate::error::Error;
use crate::kv::Kv;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// Removes the mark of a leaf as of a checkpoint: the leaf stays provable until that checkpoint
    /// is pruned, and a rewind to it gives the mark back. Says whether the leaf has a mark.
    /// 3 gets, 1 set.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`]; [`Error::PositionNotFound`] if the leaf is not in the tree
    /// at that checkpoint.
    pub fn remove_mark(&mut self, position: u64, as_of: u32) -> Result<bool, Error> {
        self.call(|call| {
            let tip = call.tip()?;
            let (checkpoint, size) = call.checkpoint_of(as_of, &tip)?;
            if position >= size {
                return Err(Error::PositionNotFound { position, size });
            }
            if position < tip.origin {
                return Ok(false);
            }
            let shard = call.shard(position >> SHARD_HEIGHT, tip.size)?;
            let marked = shard
                .leaf(position)
                .is_some_and(|(_, flags)| flags.is_marked());
            if marked {
                let mut marks: BTreeSet<_> = checkpoint.marks_removed().clone();
                marks.insert(position.into());
                let checkpoint = Checkpoint::from_parts(checkpoint.tree_state(), marks);
                call.stage_checkpoint(as_of, &checkpoint);
                call.commit()?;
            }
            Ok(marked)
        })
    }
}
