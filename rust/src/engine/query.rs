//! Reading: sizes, roots, leaves, witnesses.

use super::call::Call;
use super::fill::Wanted;
use super::reads::{size_within, without_summary};
use super::shard::Shard;
use super::{CheckpointInfo, SchemeEngine};
use crate::codec::{SHARD_HEIGHT, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Kv;
use crate::listing;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Leaves in the tree. 1 get.
    pub fn size(&mut self) -> Result<u64, Error> {
        self.call(|call| Ok(call.reads.tip()?.size))
    }

    /// Leaves in the tree at a checkpoint. 2 gets.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn size_at(&mut self, id: u32) -> Result<u64, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            Ok(call.reads.checkpoint_of(id, &tip)?.1)
        })
    }

    /// The root over all leaves, checkpointed or not. 3 gets at most.
    pub fn root(&mut self) -> Result<S::Node, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            call.root_at_size(&tip, tip.size)
        })
    }

    /// The root at a checkpoint. Besides what [`root`](Self::root) reads: the checkpoint, and a
    /// quad for each pair of levels that the tree has since grown over.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`].
    pub fn root_at(&mut self, id: u32) -> Result<S::Node, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let (_, size) = call.reads.checkpoint_of(id, &tip)?;
            call.root_at_size(&tip, size)
        })
    }

    /// The leaf at a position. 2 gets.
    ///
    /// # Errors
    ///
    /// [`Error::PositionNotFound`] beyond the size, [`Error::Pruned`] if it was not kept.
    pub fn leaf(&mut self, position: u64) -> Result<S::Node, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let shard = call.shard_of(&tip, position, tip.size)?;
            match shard.leaf(position) {
                Some((leaf, _)) => Ok(leaf.clone()),
                None => Err(Error::Pruned { position }),
            }
        })
    }

    /// The siblings on the path from a leaf to the root over all leaves, lowest first.
    ///
    /// Reads the leaf's shard, tip and cap, one shard or two at the edge, and a quad for each pair
    /// of levels.
    ///
    /// # Errors
    ///
    /// [`Error::PositionNotFound`] beyond the size, [`Error::Pruned`] if the leaf was not kept.
    pub fn witness(&mut self, position: u64) -> Result<Vec<S::Node>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            call.witness_at_size(&tip, position, tip.size)
        })
    }

    /// As [`witness`](Self::witness), to the root at a checkpoint. Reads the checkpoint too.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointNotFound`]; [`Error::PositionNotFound`] if the leaf came later.
    pub fn witness_at(&mut self, position: u64, id: u32) -> Result<Vec<S::Node>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let (_, size) = call.reads.checkpoint_of(id, &tip)?;
            call.witness_at_size(&tip, position, size)
        })
    }

    /// All checkpoints, by ascending id. 2 gets, 1 iterator (2 if any is retained), and 1 step for each
    /// entry of each.
    pub fn checkpoints(&mut self) -> Result<Vec<CheckpointInfo>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            let summary = call.reads.summary()?;
            let counted = Some(summary.count).filter(|count| *count > 0);
            let listed = listing::whole_checkpoints(call.reads.kv(), usize::MAX, counted)?;
            if let (0, Some((id, _))) = (summary.count, listed.first()) {
                return Err(without_summary(*id, &tip).into());
            }
            let retained: Vec<u32> = match summary.retained {
                0 => vec![],
                _ => listing::retained(call.reads.kv())?.collect::<Result<_, _>>()?,
            };
            if retained.len() != summary.retained as usize {
                let (count, all) = (summary.retained, retained.len());
                let reason = format!("{count} retained checkpoints, but {all} are listed");
                return Err(KvError::corrupt(&keys::summary(), reason).into());
            }
            let infos = listed.iter().map(|(id, checkpoint)| {
                Ok(CheckpointInfo {
                    id: *id,
                    size: size_within(*id, checkpoint, &tip)?,
                    retained: retained.binary_search(id).is_ok(),
                })
            });
            Ok(infos.collect::<Result<_, KvError>>()?)
        })
    }
}

impl<S: Scheme> Call<'_, S> {
    /// The shard of a leaf of the tree as it was at `size`.
    pub fn shard_of(
        &self,
        tip: &Tip<S::Node>,
        position: u64,
        size: u64,
    ) -> Result<Shard<S::Node>, Error> {
        if position >= size {
            return Err(Error::PositionNotFound { position, size });
        }
        if position < tip.origin {
            return Err(Error::Pruned { position });
        }
        Ok(self.reads.shard(position >> SHARD_HEIGHT, tip.size)?)
    }

    fn witness_at_size(
        &self,
        tip: &Tip<S::Node>,
        position: u64,
        size: u64,
    ) -> Result<Vec<S::Node>, Error> {
        let shard = self.shard_of(tip, position, size)?;
        if shard.leaf(position).is_none() {
            return Err(Error::Pruned { position });
        }
        let mut path = self.path_in_shard(shard.truncated(size), position)?;
        for level in SHARD_HEIGHT..self.depth() {
            path.push(self.sibling_at(tip, level, (position >> level) ^ 1, size)?);
        }
        Ok(path)
    }

    /// The siblings below the root of the leaf's shard.
    fn path_in_shard(&self, shard: Shard<S::Node>, position: u64) -> Result<Vec<S::Node>, Error> {
        let at = position - shard.start();
        let mut shards = [shard];
        let levels = 0..SHARD_HEIGHT.min(self.depth());
        let siblings = levels.map(|level| (level, (at >> level) ^ 1));
        let wanted: Vec<Wanted> = siblings.clone().map(|(level, i)| (0, level, i)).collect();
        self.hasher.fill(&mut shards, &wanted)?;
        let [shard] = shards;
        siblings
            .map(|(level, index)| {
                if shard.is_vacant(level, index) {
                    return Ok(self.hasher.empty_root(level));
                }
                let sibling = shard.node(level, index).cloned();
                sibling.ok_or(Error::Pruned { position })
            })
            .collect()
    }

    /// A node beside a path, as it was at `size`: complete, cut, or empty.
    fn sibling_at(
        &self,
        tip: &Tip<S::Node>,
        level: u8,
        index: u64,
        size: u64,
    ) -> Result<S::Node, Error> {
        if index << level >= size {
            return Ok(self.hasher.empty_root(level));
        }
        let shard = match (index + 1) << level > size {
            true => self.cut_shard_root(tip, size)?,
            false => None,
        };
        self.node_at(tip, (level, index), size, shard.as_ref())
    }
}
