//! Computing nodes of shards, each level of all shards in one batch.

use super::hasher::Hasher;
use super::shard::Shard;
use crate::codec::{SHARD_HEIGHT, StoredNode};
use crate::error::HashFailure;
use crate::scheme::Scheme;

/// A node of a shard that is wanted: the shard's place in the list, level, index.
pub(super) type Wanted = (usize, u8, u64);

/// Which nodes of a shard are to be computed: a bit for each, level by level.
#[derive(Clone, Copy, Default)]
struct Mask([u16; SHARD_HEIGHT as usize + 1]);

impl Mask {
    fn insert(&mut self, level: u8, index: u64) {
        self.0[usize::from(level)] |= 1 << index;
    }

    /// The indices of the nodes of a level, ascending.
    fn of_level(&self, level: u8) -> impl Iterator<Item = u64> + use<> {
        let bits = self.0[usize::from(level)];
        (0..16).filter(move |index| bits >> index & 1 == 1)
    }

    /// Takes out what is known or vacant, and adds what the rest is computed from.
    fn complete<H: StoredNode>(&mut self, shard: &Shard<H>) {
        for level in (1..=SHARD_HEIGHT).rev() {
            for index in self.of_level(level) {
                if shard.is_vacant(level, index) || shard.node(level, index).is_some() {
                    self.0[usize::from(level)] &= !(1 << index);
                } else {
                    self.insert(level - 1, 2 * index);
                    self.insert(level - 1, 2 * index + 1);
                }
            }
        }
    }
}

impl<S: Scheme> Hasher<'_, S> {
    /// Computes the wanted nodes, each level of all shards in one batch. A node that ends beyond the
    /// shard's leaves is computed with empty leaves there. A node stays unknown if the nodes below it
    /// were pruned.
    pub fn fill(
        &self,
        shards: &mut [Shard<S::Node>],
        wanted: &[Wanted],
    ) -> Result<(), HashFailure> {
        let mut masks = vec![Mask::default(); shards.len()];
        for &(at, level, index) in wanted {
            masks[at].insert(level, index);
        }
        for (shard, mask) in shards.iter().zip(&mut masks) {
            mask.complete(shard);
        }
        for level in 1..=SHARD_HEIGHT {
            self.fill_level(shards, level, &masks)?;
        }
        Ok(())
    }

    fn fill_level(
        &self,
        shards: &mut [Shard<S::Node>],
        level: u8,
        masks: &[Mask],
    ) -> Result<(), HashFailure> {
        let count = masks.iter().map(|mask| mask.of_level(level).count()).sum();
        let mut targets = Vec::with_capacity(count);
        let mut children = Vec::with_capacity(2 * count);
        let mut edge = None;
        for (at, mask) in masks.iter().enumerate() {
            let shard = &shards[at];
            for index in mask.of_level(level) {
                let Some(left) = shard.node(level - 1, 2 * index) else {
                    continue;
                };
                if shard.is_vacant(level - 1, 2 * index + 1) {
                    edge = Some(((at, index), left.clone()));
                } else if let Some(right) = shard.node(level - 1, 2 * index + 1) {
                    targets.push((at, index));
                    children.extend([left.clone(), right.clone()]);
                }
            }
        }
        // Only the newest shard has a node with nothing at its right, and one a level.
        if let Some((target, left)) = edge {
            targets.push(target);
            children.push(left);
        }
        let computed = self.combine_row(level - 1, children)?;
        for ((at, index), node) in targets.into_iter().zip(computed) {
            shards[at].set_node(level, index, node);
        }
        Ok(())
    }

    /// Computes what the shards' records, and the roots of the complete ones, need.
    pub fn fill_records(&self, shards: &mut [Shard<S::Node>]) -> Result<(), HashFailure> {
        let mut wanted = merged_nodes(shards);
        let complete = shards.iter().enumerate().filter(|(_, s)| s.is_complete());
        wanted.extend(complete.map(|(at, _)| (at, SHARD_HEIGHT, 0)));
        self.fill(shards, &wanted)
    }

    /// The root of a shard, with empty leaves behind its last.
    pub fn shard_root(&self, shard: Shard<S::Node>) -> Result<Option<S::Node>, HashFailure> {
        let mut shards = [shard];
        self.fill(&mut shards, &[(0, SHARD_HEIGHT, 0)])?;
        let [shard] = shards;
        Ok(shard.root().cloned())
    }
}

/// The nodes that the records of these shards hold in place of leaves that are not kept.
pub(super) fn merged_nodes<H: StoredNode>(shards: &[Shard<H>]) -> Vec<Wanted> {
    let of_shard = |(at, shard): (usize, &Shard<H>)| {
        let merged = shard.merged_nodes().into_iter();
        merged.map(move |(level, index)| (at, level, index))
    };
    shards.iter().enumerate().flat_map(of_shard).collect()
}
