//! A range of nodes of one level. A wallet fills its own tree with them.

use std::ops::Range;

use super::SchemeEngine;
use super::call::Call;
use super::fill::Wanted;
use super::shard::Shard;
use crate::codec::{SHARD_HEIGHT, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Kv;
use crate::scheme::Scheme;

/// The nodes that one call lists at most: as many as a subtree of level 16 has leaves.
pub const MAX_NODES: u64 = 1 << 16;

/// The shards that are read, then hashed as one batch. What is read of a shard is forgotten with its
/// batch: a call keeps the nodes it returns, and this many shards.
const SHARDS_IN_BATCH: u64 = 1 << 10;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// The complete nodes `first` to `first + count - 1` of a level; the leaves are level 0.
    ///
    /// Reads each record once: the tip; up to level 4 a shard for each that the range touches; above,
    /// the cap, and a quad for each that the range touches. Hashes what a shard does not hold, at most
    /// 15 a shard, and above level 4 one hash a node of an even level. Where the newest quad is not
    /// complete, a few more of both.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a level above the depth, or more than [`MAX_NODES`];
    /// [`Error::NodeNotFound`] if a node of the range is not complete; [`Error::NodePruned`] if one
    /// was not kept.
    pub fn nodes(&mut self, level: u8, first: u64, count: u64) -> Result<Vec<S::Node>, Error> {
        self.call(|call| {
            let depth = call.depth();
            if level > depth {
                let what = format!("level {level}, want 0 to {depth}");
                return Err(Error::InvalidArgument(what));
            }
            if count > MAX_NODES {
                return Err(Error::InvalidArgument(format!(
                    "{count} nodes, want at most {MAX_NODES}"
                )));
            }
            let tip = call.reads.tip()?;
            let range = complete_range(&tip, level, first, count)?;
            let hashes = count << level.min(SHARD_HEIGHT);
            call.hasher.expect_leaves(hashes as usize);
            match level < SHARD_HEIGHT {
                true => call.nodes_in_shards(&tip, level, range),
                false => call.nodes_above(&tip, level, &range.collect::<Vec<_>>()),
            }
        })
    }
}

/// The range, if all of its nodes are complete.
fn complete_range<H>(tip: &Tip<H>, level: u8, first: u64, count: u64) -> Result<Range<u64>, Error> {
    let complete = tip.size >> level;
    match first.checked_add(count) {
        Some(end) if end <= complete => Ok(first..end),
        _ => Err(Error::NodeNotFound {
            level,
            index: first.max(complete),
            size: tip.size,
        }),
    }
}

impl<S: Scheme> Call<'_, S> {
    /// Complete nodes of level 4 or more at these indices, which ascend: those that a record holds as
    /// they are, and the others hashed from their children in one batch.
    fn nodes_above(
        &self,
        tip: &Tip<S::Node>,
        level: u8,
        indices: &[u64],
    ) -> Result<Vec<S::Node>, Error> {
        let mut nodes = Vec::with_capacity(indices.len());
        let mut derived = vec![];
        for &index in indices {
            let node = self.stored_node(tip, level, index).map_err(|e| match e {
                Error::Pruned { .. } => Error::NodePruned { level, index },
                other => other,
            })?;
            if node.is_none() {
                derived.push(index);
            }
            nodes.push(node);
        }
        let mut computed = self.derived_nodes(tip, level, &derived)?.into_iter();
        let place = |node: Option<S::Node>| node.or_else(|| computed.next());
        Ok(nodes.into_iter().filter_map(place).collect())
    }

    /// Nodes that no record holds as they are.
    fn derived_nodes(
        &self,
        tip: &Tip<S::Node>,
        level: u8,
        indices: &[u64],
    ) -> Result<Vec<S::Node>, Error> {
        if indices.is_empty() {
            return Ok(vec![]);
        }
        if level == SHARD_HEIGHT {
            return self.shard_roots(tip, indices);
        }
        let children: Vec<u64> = (indices.iter())
            .flat_map(|index| [2 * index, 2 * index + 1])
            .collect();
        let children = self.nodes_above(tip, level - 1, &children)?;
        Ok(self.hasher.combine_batch(level - 1, &children)?)
    }

    fn shard_roots(&self, tip: &Tip<S::Node>, indices: &[u64]) -> Result<Vec<S::Node>, Error> {
        let mut roots = Vec::with_capacity(indices.len());
        for batch in indices.chunks(SHARDS_IN_BATCH as usize) {
            let mut shards = (batch.iter())
                .map(|&index| self.passing_shard(tip, index))
                .collect::<Result<Vec<_>, _>>()?;
            let wanted: Vec<Wanted> = (0..shards.len()).map(|at| (at, SHARD_HEIGHT, 0)).collect();
            self.hasher.fill(&mut shards, &wanted)?;
            for shard in shards {
                let rootless = || KvError::corrupt(&keys::shard(shard.index()), "it has no root");
                roots.push(shard.root().cloned().ok_or_else(rootless)?);
            }
        }
        Ok(roots)
    }

    /// Complete nodes below level 4.
    fn nodes_in_shards(
        &self,
        tip: &Tip<S::Node>,
        level: u8,
        range: Range<u64>,
    ) -> Result<Vec<S::Node>, Error> {
        if let Some(index) = range.clone().next().filter(|i| i << level < tip.origin) {
            return Err(Error::NodePruned { level, index });
        }
        let mut nodes = Vec::with_capacity((range.end - range.start) as usize);
        let up = SHARD_HEIGHT - level;
        let mut from = range.start;
        while from < range.end {
            let first = from >> up;
            let until = ((first + SHARDS_IN_BATCH) << up).min(range.end);
            let mut shards = (first..until.div_ceil(1 << up))
                .map(|index| self.passing_shard(tip, index))
                .collect::<Result<Vec<_>, _>>()?;
            let wanted: Vec<Wanted> = (from..until)
                .map(|index| {
                    (
                        ((index >> up) - first) as usize,
                        level,
                        index & ((1 << up) - 1),
                    )
                })
                .collect();
            self.hasher.fill(&mut shards, &wanted)?;
            for (index, (at, level, within)) in (from..until).zip(wanted) {
                let node = shards[at].node(level, within).cloned();
                nodes.push(node.ok_or(Error::NodePruned { level, index })?);
            }
            from = until;
        }
        Ok(nodes)
    }

    /// A shard that this call reads once, and does not remember.
    fn passing_shard(&self, tip: &Tip<S::Node>, index: u64) -> Result<Shard<S::Node>, Error> {
        let key = keys::shard(index);
        let value = self.reads.kv().get(&key)?;
        let value = value.ok_or_else(|| KvError::corrupt(&key, "it is missing"))?;
        let scheme = self.hasher.scheme();
        Ok(Shard::decode(scheme, index, tip.size, &value)?)
    }
}
