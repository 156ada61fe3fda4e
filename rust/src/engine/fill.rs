//! Computing nodes of shards, each level of all shards in one batch.

use super::hasher::Hasher;
use super::shard::Shard;
use crate::codec::{SHARD_HEIGHT, StoredNode};
use crate::error::HashFailure;
use crate::scheme::Scheme;

/// A node of a shard that is wanted: the shard's place in the list, level, index.
pub(super) type Wanted = (usize, u8, u64);

impl<S: Scheme> Hasher<'_, S> {
    /// Computes the wanted nodes, each level of all shards in one batch. A node that ends beyond the
    /// shard's leaves is computed with empty leaves there. A node stays unknown if the nodes below it
    /// were pruned.
    pub fn fill(
        &self,
        shards: &mut [Shard<S::Node>],
        wanted: &[Wanted],
    ) -> Result<(), HashFailure> {
        let mut levels: [Vec<(usize, u64)>; SHARD_HEIGHT as usize + 1] = Default::default();
        for &(at, level, index) in wanted {
            levels[level as usize].push((at, index));
        }
        for level in (1..=SHARD_HEIGHT).rev() {
            let (below, this) = levels.split_at_mut(level as usize);
            this[0].sort_unstable();
            this[0].dedup();
            this[0].retain(|&(at, index)| {
                let shard = &shards[at];
                !shard.is_vacant(level, index) && shard.node(level, index).is_none()
            });
            let children = this[0]
                .iter()
                .flat_map(|&(at, index)| [(at, 2 * index), (at, 2 * index + 1)]);
            below[level as usize - 1].extend(children);
        }
        for level in 1..=SHARD_HEIGHT {
            self.fill_level(shards, level, &levels[level as usize])?;
        }
        Ok(())
    }

    fn fill_level(
        &self,
        shards: &mut [Shard<S::Node>],
        level: u8,
        wanted: &[(usize, u64)],
    ) -> Result<(), HashFailure> {
        let mut targets = Vec::with_capacity(wanted.len());
        let mut children = Vec::with_capacity(2 * wanted.len());
        let mut edge = None;
        for &(at, index) in wanted {
            let shard = &shards[at];
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
