//! A shard as any `ShardTree` may have left it.

use shardtree::{Node, PrunableTree, RetentionFlags};

use super::checkpoints::Checkpoints;
use crate::codec::{self, SHARD_HEIGHT, StoredNode};
use crate::engine::shard::Shard;
use crate::error::KvError;
use crate::keys;
use crate::scheme::NodeReader;

/// Nodes that a record states beside those that it stands for: level, index, value.
pub(super) type Claims<H> = Vec<(u8, u64, H)>;

/// A shard, and its annotations, which are to be compared.
pub(super) struct Loose<H> {
    pub shard: Shard<H>,
    pub claims: Claims<H>,
    /// Whether this engine writes the shard otherwise: known once it is settled.
    pub stale: bool,
}

impl<H: StoredNode> Loose<H> {
    /// Reads a shard. How many leaves it has, it says itself.
    pub fn read<R: NodeReader<Node = H>>(
        nodes: &R,
        index: u64,
        value: &[u8],
    ) -> Result<Self, KvError> {
        let key = keys::shard(index);
        let tree = codec::decode_tree(nodes, &key, value, SHARD_HEIGHT)?;
        let mut loose = Loose {
            shard: Shard::empty(index),
            claims: vec![],
            stale: false,
        };
        loose.shard.set_leaves(leaves_in(SHARD_HEIGHT, 0, &tree));
        let loaded = match loose.shard.end() == loose.shard.start() {
            true => Err("there is no leaf in it".into()),
            false => loose.load(SHARD_HEIGHT, 0, &tree),
        };
        loaded.map_err(|reason| KvError::corrupt(&key, reason))?;
        Ok(loose)
    }

    fn load(&mut self, level: u8, index: u64, tree: &PrunableTree<H>) -> Result<(), String> {
        let vacant = self.shard.is_vacant(level, index);
        match &**tree {
            Node::Nil if vacant => Ok(()),
            Node::Nil => Err(format!(
                "nothing at level {level}, index {index}, left of a leaf"
            )),
            Node::Leaf {
                value: (hash, flags),
            } => {
                // A checkpoint flags what is at the end of the tree, a merged node too.
                let allowed = match level {
                    0 => RetentionFlags::CHECKPOINT | RetentionFlags::MARKED,
                    _ => RetentionFlags::CHECKPOINT,
                };
                if !allowed.contains(*flags) {
                    return Err(format!("flags {flags} at level {level}, index {index}"));
                }
                if level == 0 {
                    let position = self.shard.start() + index;
                    self.shard.set_flags(position, *flags);
                } else if !flags.is_empty() {
                    self.stale = true;
                }
                self.shard.set_node(level, index, hash.clone());
                Ok(())
            }
            Node::Parent { ann, left, right } => {
                let below = level.checked_sub(1).ok_or("a parent at level 0")?;
                if let Some(ann) = ann {
                    self.claims.push((level, index, H::clone(ann)));
                }
                self.load(below, 2 * index, left)?;
                self.load(below, 2 * index + 1, right)
            }
        }
    }

    /// Gives the leaves the flags that this engine keeps them with: a mark, or that a checkpoint is
    /// at a leaf without one, unless it is the tree's newest.
    pub fn settle(&mut self, checkpoints: &Checkpoints, newest: bool) -> Result<(), KvError> {
        let shard = &mut self.shard;
        let missing = |position| {
            let reason = format!("the leaf at position {position} is needed, and was not kept");
            KvError::corrupt(&keys::shard(position >> SHARD_HEIGHT), reason)
        };
        shard.set_newest(newest);
        let last = shard.end() - 1;
        if newest && shard.leaf(last).is_none() {
            return Err(missing(last));
        }
        for position in shard.start()..shard.end() {
            let cut = checkpoints.is_at(position);
            let Some((_, flags)) = shard.leaf(position) else {
                if cut {
                    return Err(missing(position));
                }
                continue;
            };
            let settled = match flags.is_marked() {
                true => RetentionFlags::MARKED,
                false if cut && !(newest && position == last) => RetentionFlags::CHECKPOINT,
                false => RetentionFlags::EPHEMERAL,
            };
            self.stale |= settled != flags;
            shard.set_flags(position, settled);
        }
        self.stale |= !self.claims.is_empty() || !shard.is_merged();
        Ok(())
    }
}

/// The leaves up to the last node of a tree.
fn leaves_in<H>(level: u8, index: u64, tree: &PrunableTree<H>) -> u64 {
    match &**tree {
        Node::Nil => 0,
        Node::Leaf { .. } => (index + 1) << level,
        Node::Parent { left, right, .. } => match level.checked_sub(1) {
            None => 0,
            Some(below) => {
                let right = leaves_in(below, 2 * index + 1, right);
                right.max(leaves_in(below, 2 * index, left))
            }
        },
    }
}

/// The nodes that a cap states, all of them above the shards or their roots.
pub(super) fn claims_of_cap<H: StoredNode>(
    tree: &PrunableTree<H>,
    level: u8,
    index: u64,
    claims: &mut Claims<H>,
) -> Result<(), String> {
    match &**tree {
        Node::Nil => Ok(()),
        Node::Leaf { .. } | Node::Parent { .. } if level < SHARD_HEIGHT => {
            Err(format!("a node at level {level}, within a shard"))
        }
        Node::Leaf { value: (hash, _) } => {
            claims.push((level, index, hash.clone()));
            Ok(())
        }
        Node::Parent { ann, left, right } => {
            if let Some(ann) = ann {
                claims.push((level, index, H::clone(ann)));
            }
            claims_of_cap(left, level.saturating_sub(1), 2 * index, claims)?;
            claims_of_cap(right, level.saturating_sub(1), 2 * index + 1, claims)
        }
    }
}
