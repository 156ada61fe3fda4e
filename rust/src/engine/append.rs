//! Appending leaves.

use shardtree::RetentionFlags;

use super::call::{Call, size_of};
use super::cap::Cap;
use super::nodes::{is_quad_level, quad_nodes, quads};
use super::shard::Shard;
use super::{CAP_LEVEL, Engine, Retention};
use crate::codec::{self, SHARD_HEIGHT, Tip, TreeNode};
use crate::error::Error;
use crate::keys;
use crate::kv::Kv;

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
    /// Appends leaves behind those that are there, and returns the position of the first.
    ///
    /// However the leaves are split over calls, the store ends up the same. Reads the tip and the
    /// shard that is not complete; writes each touched shard, the tip, and, each time that 128
    /// leaves are complete, the cap and a quad.
    ///
    /// # Errors
    ///
    /// [`Error::TreeFull`] before any write if they do not fit.
    pub fn append(&mut self, leaves: &[H]) -> Result<u64, Error> {
        self.call(|call| {
            let mut tip = call.tip()?;
            let first = tip.size;
            if leaves.is_empty() {
                return Ok(first);
            }
            if leaves.len() as u64 > (1 << DEPTH) - first {
                return Err(Error::TreeFull {
                    size: first,
                    count: leaves.len() as u64,
                });
            }
            call.threads = call.config.threads.for_batch(leaves.len());
            call.append_leaves(&mut tip, leaves)?;
            call.stage_tip(&tip);
            call.commit()?;
            Ok(first)
        })
    }
}

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

impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    fn append_leaves(&mut self, tip: &mut Tip<H>, leaves: &[H]) -> Result<(), Error> {
        let mut shards = self.edge_shards(tip)?;
        let flags = match self.config.retention {
            Retention::Marked => RetentionFlags::MARKED,
            Retention::Ephemeral => RetentionFlags::EPHEMERAL,
        };
        for (leaf, position) in leaves.iter().zip(tip.size..) {
            let index = position >> SHARD_HEIGHT;
            if shards.last().is_none_or(|last| last.index() != index) {
                shards.push(Shard::empty(index));
            }
            if let Some(shard) = shards.last_mut() {
                shard.push(leaf.clone(), flags);
            }
        }
        let size = tip.size + leaves.len() as u64;
        for shard in &mut shards {
            shard.set_newest(size <= shard.start() + super::shard::LEAVES);
        }
        self.fill_records(&mut shards);
        for shard in &shards {
            self.stage_shard(shard);
        }
        let completed = tip.size >> SHARD_HEIGHT;
        let roots = shards
            .iter()
            .filter(|shard| shard.is_complete() && shard.index() >= completed)
            .filter_map(|shard| shard.root().cloned())
            .collect();
        self.complete_shards(tip, size, roots)?;
        tip.last_marked = self.config.retention == Retention::Marked;
        Ok(())
    }

    /// The shards at the edge that an append changes: the one that is not complete, if there is
    /// one, and the one of the newest leaf if that leaf may now be pruned.
    fn edge_shards(&mut self, tip: &Tip<H>) -> Result<Vec<Shard<H>>, Error> {
        let unmarked = tip.size > 0 && !tip.last_marked;
        let cut = !tip.size.is_multiple_of(super::shard::LEAVES);
        if !unmarked && !cut {
            return Ok(vec![]);
        }
        let mut shard = self.shard((tip.size - 1) >> SHARD_HEIGHT, tip.size)?;
        if unmarked && self.newest_checkpoint_size()? == Some(tip.size) {
            shard.set_flags(tip.size - 1, RetentionFlags::CHECKPOINT);
        }
        Ok(vec![shard])
    }

    /// The size at the newest checkpoint, if any checkpoint keeps a leaf from being pruned.
    fn newest_checkpoint_size(&mut self) -> Result<Option<u64>, Error> {
        let summary = self.summary()?;
        if summary.unmarked == 0 {
            return Ok(None);
        }
        let newest = self.required_checkpoint(summary.newest)?;
        Ok(Some(size_of(&newest)))
    }

    /// Takes in the roots of the shards that a growth to `size` completes: merges them upwards, one
    /// batch a level, and stages quads and cap. Leaves `tip` as it is then, but for `last_marked`.
    pub(super) fn complete_shards(
        &mut self,
        tip: &mut Tip<H>,
        size: u64,
        roots: Vec<H>,
    ) -> Result<(), Error> {
        let new = self.merge_upwards(tip, roots)?;
        self.stage_quads(tip, size, &new)?;
        if size >> CAP_LEVEL != tip.size >> CAP_LEVEL {
            self.stage_new_cap(tip, size, &new)?;
        }
        let grown = self.tip_at(tip, size, Some(&new))?;
        *tip = grown;
        Ok(())
    }

    fn merge_upwards(&mut self, tip: &Tip<H>, roots: Vec<H>) -> Result<NewNodes<H>, Error> {
        let mut levels = vec![];
        let mut nodes = roots;
        for level in SHARD_HEIGHT..=DEPTH {
            let first = tip.size >> level;
            let mut row = Vec::with_capacity(nodes.len() + 1);
            if first & 1 == 1 && !nodes.is_empty() {
                row.push(self.node(tip, level, first - 1)?);
            }
            row.extend(nodes.iter().cloned());
            levels.push((first, nodes));
            let pairs: Vec<_> = row
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect();
            nodes = self.combine_batch(level, &pairs);
        }
        Ok(NewNodes { levels })
    }

    fn stage_quads(&mut self, tip: &Tip<H>, size: u64, new: &NewNodes<H>) -> Result<(), Error> {
        for level in (SHARD_HEIGHT..DEPTH).filter(|level| is_quad_level(*level)) {
            let before = quads(level, tip.size, tip.origin).end;
            for quad in before..quads(level, size, tip.origin).end {
                let nodes = quad_nodes(level, quad, tip.origin)
                    .map(|index| self.new_or_old_node(tip, Some(new), level, index))
                    .collect::<Result<Vec<_>, _>>()?;
                self.stage(keys::quad(level, quad), codec::encode_quad(&nodes));
            }
        }
        Ok(())
    }

    fn stage_new_cap(&mut self, tip: &Tip<H>, size: u64, new: &NewNodes<H>) -> Result<(), Error> {
        let mut cap = Cap::empty();
        for (level, index) in Cap::<H>::places(DEPTH, size, tip.origin) {
            let node = self.new_or_old_node(tip, Some(new), level, index)?;
            cap.insert(level, index, node);
        }
        let value = codec::encode_tree(&cap.to_tree(DEPTH, size, tip.origin));
        self.stage(keys::cap(), value);
        Ok(())
    }

    /// A node that is complete before this call, or that this call completes.
    fn new_or_old_node(
        &mut self,
        tip: &Tip<H>,
        new: Option<&NewNodes<H>>,
        level: u8,
        index: u64,
    ) -> Result<H, Error> {
        match new.and_then(|new| new.get(level, index)) {
            Some(node) => Ok(node.clone()),
            None => self.node(tip, level, index),
        }
    }

    /// The tip of this tree at another size, but for `last_marked`: the next size, with the nodes
    /// that it completes, or one before.
    pub(super) fn tip_at(
        &mut self,
        tip: &Tip<H>,
        size: u64,
        new: Option<&NewNodes<H>>,
    ) -> Result<Tip<H>, Error> {
        let ommer = match Tip::<H>::holds_ommer(size, tip.origin) {
            true => {
                let index = (size >> SHARD_HEIGHT) - 1;
                Some(self.new_or_old_node(tip, new, SHARD_HEIGHT, index)?)
            }
            false => None,
        };
        let members = Tip::<H>::member_indices(size, tip.origin)
            .map(|index| self.new_or_old_node(tip, new, super::QUAD_LEVEL, index))
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
