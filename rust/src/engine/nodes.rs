//! Completed nodes above the shards, wherever they are stored; and the roots over them.

use std::ops::Range;

use super::call::Call;
use super::{CAP_LEVEL, QUAD_LEVEL};
use crate::codec::{self, SHARD_HEIGHT, Tip};
use crate::edge;
use crate::error::{Error, KvError};
use crate::hash::Sibling;
use crate::keys;
use crate::scheme::Scheme;

/// Whether quads hold nodes of this level.
pub(super) fn is_quad_level(level: u8) -> bool {
    level >= QUAD_LEVEL && (level - QUAD_LEVEL).is_multiple_of(2)
}

/// The levels whose nodes are stored in quads, in a tree of this depth.
pub(super) fn quad_levels(depth: u8) -> impl Iterator<Item = u8> {
    (QUAD_LEVEL..depth).step_by(2)
}

/// The indices of the nodes of a quad that its record holds: those that end behind the origin.
pub(super) fn quad_nodes(level: u8, quad: u64, origin: u64) -> Range<u64> {
    let (start, end) = (4 * quad, 4 * quad + 4);
    start.max(origin >> level).min(end)..end
}

/// The indices of the completed quads at `level` of a tree of `size` leaves that have a record.
pub(super) fn quads(level: u8, size: u64, origin: u64) -> Range<u64> {
    let end = size >> (level + 2);
    (origin >> (level + 2)).min(end)..end
}

impl<S: Scheme> Call<'_, S> {
    /// A node of level 4 or more whose last leaf is in the tree.
    ///
    /// A node on the edge of the tree costs no read, once tip and cap are read. A node of a complete
    /// quad, the root of a shard and a node of the open quad cost 1 get each.
    pub fn node(&self, tip: &Tip<S::Node>, level: u8, index: u64) -> Result<S::Node, Error> {
        if let Some(node) = self.stored_node(tip, level, index)? {
            return Ok(node);
        }
        if level == SHARD_HEIGHT {
            let shard = self.reads.shard(index, tip.size)?;
            return self
                .hasher
                .shard_root(shard)?
                .ok_or_else(|| KvError::corrupt(&keys::shard(index), "it has no root").into());
        }
        // Neither a peak nor in a complete quad: its children are, or theirs.
        let left = self.node(tip, level - 1, 2 * index)?;
        let right = self.node(tip, level - 1, 2 * index + 1)?;
        Ok(self.hasher.combine(level - 1, &left, &right)?)
    }

    /// The node, if a record other than a shard's holds it as it is.
    pub fn stored_node(
        &self,
        tip: &Tip<S::Node>,
        level: u8,
        index: u64,
    ) -> Result<Option<S::Node>, Error> {
        let (start, end) = (index << level, (index + 1) << level);
        if end <= tip.origin {
            let known = self.reads.cap(tip)?.get(level, index).cloned();
            return known.map(Some).ok_or(Error::Pruned { position: start });
        }
        if level == SHARD_HEIGHT {
            let newest =
                edge::holds_ommer(tip.size, tip.origin) && index + 1 == tip.size >> SHARD_HEIGHT;
            return Ok(tip.ommer.clone().filter(|_| newest));
        }
        if level == QUAD_LEVEL {
            let held = edge::member_indices(tip.size, tip.origin);
            if held.contains(&index) {
                return Ok(tip.members.get((index - held.start) as usize).cloned());
            }
        }
        if level >= CAP_LEVEL
            && let Some(peak) = self.reads.cap(tip)?.get(level, index)
        {
            return Ok(Some(peak.clone()));
        }
        let quad = index >> 2;
        if is_quad_level(level) && quads(level, tip.size, tip.origin).contains(&quad) {
            let held = quad_nodes(level, quad, tip.origin);
            let nodes = self.quad(level, quad, &held)?;
            return Ok(nodes.into_iter().nth((index - held.start) as usize));
        }
        Ok(None)
    }

    fn quad(&self, level: u8, quad: u64, held: &Range<u64>) -> Result<Vec<S::Node>, KvError> {
        let key = keys::quad(level, quad);
        let count = held.end - held.start;
        let decode = |value: &[u8]| codec::decode_quad(self.hasher.scheme(), &key, value, count);
        self.reads.required(key.clone(), decode)
    }

    /// The node over all leaves below `size` at a place that holds at least one of them, with
    /// empty leaves from there on. `shard` is the root of the shard that `size` cuts through, if it
    /// cuts through one.
    pub fn node_at(
        &self,
        tip: &Tip<S::Node>,
        (level, index): (u8, u64),
        size: u64,
        shard: Option<&S::Node>,
    ) -> Result<S::Node, Error> {
        if (index + 1) << level <= size {
            return self.node(tip, level, index);
        }
        let mut start = shard.map(|root| (SHARD_HEIGHT, root.clone()));
        let mut siblings = vec![];
        for below in SHARD_HEIGHT..level {
            let edge = size >> below;
            let ommer = match edge & 1 {
                1 => Some(self.node(tip, below, edge - 1)?),
                _ => None,
            };
            match (&start, ommer) {
                (None, None) => {}
                (None, Some(peak)) => {
                    start = Some((below, peak));
                    siblings.push(Sibling::EmptyRight);
                }
                (Some(_), None) => siblings.push(Sibling::EmptyRight),
                (Some(_), Some(ommer)) => siblings.push(Sibling::Left(ommer)),
            }
        }
        match start {
            Some((from, node)) => Ok(self.hasher.climb(from, &node, &siblings)?),
            None => Ok(self.hasher.empty_root(level)),
        }
    }

    /// The root of the shard that `size` cuts through, with empty leaves from there on. 1 get.
    pub fn cut_shard_root(&self, tip: &Tip<S::Node>, size: u64) -> Result<Option<S::Node>, Error> {
        let index = size >> SHARD_HEIGHT;
        if index << SHARD_HEIGHT == size {
            return Ok(None);
        }
        let shard = self.reads.shard(index, tip.size)?.truncated(size);
        let unknown = || KvError::corrupt(&keys::shard(index), format!("it has no root at {size}"));
        let root = self.hasher.shard_root(shard)?.ok_or_else(unknown)?;
        Ok(Some(root))
    }

    /// The root of the tree when it had `size` leaves.
    pub fn root_at_size(&self, tip: &Tip<S::Node>, size: u64) -> Result<S::Node, Error> {
        if self.depth() < SHARD_HEIGHT {
            return self.root_in_shard(tip, size);
        }
        let shard = self.cut_shard_root(tip, size)?;
        self.node_at(tip, (self.depth(), 0), size, shard.as_ref())
    }

    /// The root of a tree that is lower than a shard.
    fn root_in_shard(&self, tip: &Tip<S::Node>, size: u64) -> Result<S::Node, Error> {
        if size == 0 {
            return Ok(self.hasher.empty_root(self.depth()));
        }
        let mut shards = [self.reads.shard(0, tip.size)?.truncated(size)];
        self.hasher.fill(&mut shards, &[(0, self.depth(), 0)])?;
        let root = shards[0].node(self.depth(), 0).cloned();
        root.ok_or_else(|| KvError::corrupt(&keys::shard(0), "it has no root").into())
    }
}
