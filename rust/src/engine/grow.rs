//! Growing above the shards: the nodes that roots of shards complete, and the records that hold them.

use super::call::Call;
use super::cap::Cap;
use super::nodes::{quad_levels, quad_nodes, quads};
use super::{CAP_LEVEL, QUAD_LEVEL};
use crate::codec::{self, SHARD_HEIGHT, Tip};
use crate::edge;
use crate::error::Error;
use crate::keys;
use crate::scheme::Scheme;

/// The nodes that an append completes, by level from [`SHARD_HEIGHT`] up.
pub(super) struct NewNodes<H> {
    /// For each level the index of its first new node, and the new nodes.
    levels: Vec<(u64, Vec<H>)>,
}

impl<H> NewNodes<H> {
    fn get(&self, level: u8, index: u64) -> Option<&H> {
        let (first, nodes) = self.levels.get(usize::from(level - SHARD_HEIGHT))?;
        nodes.get(usize::try_from(index.checked_sub(*first)?).ok()?)
    }
}

impl<S: Scheme> Call<'_, S> {
    /// Takes the roots of the shards that a growth to `size` completes. Merges them upwards, one batch a
    /// level, and stages quads and cap. Changes `tip` to what it is then, except `last_marked`.
    pub fn complete_shards(
        &mut self,
        tip: &mut Tip<S::Node>,
        size: u64,
        roots: Vec<S::Node>,
    ) -> Result<(), Error> {
        let new = self.merge_upwards(tip, roots)?;
        self.stage_quads(tip, size, &new)?;
        if size >> CAP_LEVEL != tip.size >> CAP_LEVEL {
            self.stage_cap(tip, size, Some(&new))?;
        }
        let grown = self.tip_at(tip, size, Some(&new))?;
        *tip = grown;
        Ok(())
    }

    fn merge_upwards(
        &self,
        tip: &Tip<S::Node>,
        roots: Vec<S::Node>,
    ) -> Result<NewNodes<S::Node>, Error> {
        let mut levels = vec![];
        let mut nodes = roots;
        for level in SHARD_HEIGHT..=self.depth() {
            if nodes.is_empty() {
                break;
            }
            let first = tip.size >> level;
            let mut row = Vec::with_capacity(nodes.len() + 1);
            if first & 1 == 1 {
                row.push(self.node(tip, level, first - 1)?);
            }
            row.extend(nodes.iter().cloned());
            levels.push((first, nodes));
            row.truncate(row.len() & !1);
            nodes = self.hasher.combine_batch(level, &row)?;
        }
        Ok(NewNodes { levels })
    }

    fn stage_quads(
        &mut self,
        tip: &Tip<S::Node>,
        size: u64,
        new: &NewNodes<S::Node>,
    ) -> Result<(), Error> {
        for level in quad_levels(self.depth()) {
            let before = quads(level, tip.size, tip.origin).end;
            for quad in before..quads(level, size, tip.origin).end {
                let nodes = quad_nodes(level, quad, tip.origin)
                    .map(|index| self.new_or_old_node(tip, Some(new), level, index))
                    .collect::<Result<Vec<_>, _>>()?;
                self.writes
                    .stage(keys::quad(level, quad), codec::encode_quad(&nodes));
            }
        }
        Ok(())
    }

    /// Stages the cap of this tree at another size.
    pub fn stage_cap(
        &mut self,
        tip: &Tip<S::Node>,
        size: u64,
        new: Option<&NewNodes<S::Node>>,
    ) -> Result<(), Error> {
        let mut cap = Cap::empty();
        for (level, index) in Cap::<S::Node>::places(self.depth(), size, tip.origin) {
            let node = self.new_or_old_node(tip, new, level, index)?;
            cap.insert(level, index, node);
        }
        let value = cap.encode(self.depth(), size, tip.origin);
        self.writes.stage(keys::cap(), value);
        Ok(())
    }

    /// A node that was complete before this call, or that this call completes.
    fn new_or_old_node(
        &self,
        tip: &Tip<S::Node>,
        new: Option<&NewNodes<S::Node>>,
        level: u8,
        index: u64,
    ) -> Result<S::Node, Error> {
        match new.and_then(|new| new.get(level, index)) {
            Some(node) => Ok(node.clone()),
            None => self.node(tip, level, index),
        }
    }

    /// The tip of this tree at another size, except `last_marked`: at the next size, with the nodes
    /// that it completes, or at an earlier one.
    pub fn tip_at(
        &self,
        tip: &Tip<S::Node>,
        size: u64,
        new: Option<&NewNodes<S::Node>>,
    ) -> Result<Tip<S::Node>, Error> {
        let ommer = match edge::holds_ommer(size, tip.origin) {
            true => {
                let index = (size >> SHARD_HEIGHT) - 1;
                Some(self.new_or_old_node(tip, new, SHARD_HEIGHT, index)?)
            }
            false => None,
        };
        let members = edge::member_indices(size, tip.origin)
            .map(|index| self.new_or_old_node(tip, new, QUAD_LEVEL, index))
            .collect::<Result<_, _>>()?;
        Ok(Tip {
            size,
            origin: tip.origin,
            last_marked: tip.last_marked,
            ommer,
            members,
        })
    }
}
