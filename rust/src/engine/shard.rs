//! A shard laid out flat: what is known of each of its 31 nodes, and the flags of its leaves.

use shardtree::{Node, PrunableTree, RetentionFlags, Tree};

use crate::codec::{SHARD_HEIGHT, StoredNode};
use crate::error::KvError;
use crate::keys;

/// Leaves in a whole shard.
pub(super) const LEAVES: u64 = 1 << SHARD_HEIGHT;

/// A shard of a tree, with `leaves` of its 16 leaves there.
///
/// The record depends on the content alone: a complete subtree is one node if, and only if, no leaf in
/// it is kept. A leaf is kept if it has a flag, or if it is the tree's newest. There are no
/// annotations: 15 hashes in 4 batches compute them again.
#[derive(Clone, Debug)]
pub(super) struct Shard<H> {
    index: u64,
    leaves: u64,
    /// Whether the last leaf is the tree's newest.
    newest: bool,
    nodes: Vec<Option<H>>,
    flags: [RetentionFlags; LEAVES as usize],
}

/// Where the node `index` of `level` is: the root first, then each level from left to right.
fn slot(level: u8, index: u64) -> usize {
    ((1 << (SHARD_HEIGHT - level)) - 1 + index) as usize
}

impl<H: StoredNode> Shard<H> {
    /// A shard with no leaf yet.
    pub fn empty(index: u64) -> Self {
        Shard {
            index,
            leaves: 0,
            newest: false,
            nodes: vec![None; 31],
            flags: [RetentionFlags::EPHEMERAL; LEAVES as usize],
        }
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    /// The tree's position of this shard's first leaf.
    pub fn start(&self) -> u64 {
        self.index << SHARD_HEIGHT
    }

    /// The tree's position behind this shard's last leaf.
    pub fn end(&self) -> u64 {
        self.start() + self.leaves
    }

    pub fn is_complete(&self) -> bool {
        self.leaves == LEAVES
    }

    pub fn node(&self, level: u8, index: u64) -> Option<&H> {
        self.nodes[slot(level, index)].as_ref()
    }

    pub fn root(&self) -> Option<&H> {
        self.node(SHARD_HEIGHT, 0)
    }

    /// The leaf at a position of the tree within this shard, and its flags, if it was kept.
    pub fn leaf(&self, position: u64) -> Option<(&H, RetentionFlags)> {
        let at = position - self.start();
        let leaf = (at < self.leaves).then(|| self.node(0, at))??;
        Some((leaf, self.flags[at as usize]))
    }

    pub fn set_node(&mut self, level: u8, index: u64, hash: H) {
        self.nodes[slot(level, index)] = Some(hash);
    }

    /// Adds a leaf behind the others.
    pub fn push(&mut self, leaf: H, flags: RetentionFlags) {
        self.set_node(0, self.leaves, leaf);
        self.flags[self.leaves as usize] = flags;
        self.leaves += 1;
    }

    /// Declares that the leaves up to here are there. Some may be known only as parts of larger nodes.
    pub fn set_leaves(&mut self, leaves: u64) {
        self.leaves = leaves;
    }

    pub fn set_flags(&mut self, position: u64, flags: RetentionFlags) {
        let at = position - self.start();
        self.flags[at as usize] = flags;
    }

    /// Says whether the tree ends with this shard's last leaf.
    pub fn set_newest(&mut self, newest: bool) {
        self.newest = newest;
    }

    /// This shard as it was when the tree had `size` leaves, some of them in this shard.
    pub fn truncated(&self, size: u64) -> Self {
        let leaves = (size - self.start()).min(LEAVES);
        let mut shard = Shard::empty(self.index);
        shard.leaves = leaves;
        shard.newest = size <= self.start() + LEAVES;
        shard.flags[..leaves as usize].clone_from_slice(&self.flags[..leaves as usize]);
        for level in 0..=SHARD_HEIGHT {
            for index in 0..leaves >> level {
                let at = slot(level, index);
                shard.nodes[at].clone_from(&self.nodes[at]);
            }
        }
        shard
    }

    fn is_whole(&self, level: u8, index: u64) -> bool {
        (index + 1) << level <= self.leaves
    }

    pub fn is_vacant(&self, level: u8, index: u64) -> bool {
        index << level >= self.leaves
    }

    fn keeps_leaf(&self, level: u8, index: u64) -> bool {
        let (start, end) = (index << level, ((index + 1) << level).min(self.leaves));
        let flagged = self.flags[start as usize..end as usize]
            .iter()
            .any(|flags| !flags.is_empty());
        flagged || (self.newest && start < self.leaves && end == self.leaves)
    }

    /// The largest nodes that hold no kept leaf, as they stand in the record.
    pub fn merged_nodes(&self) -> Vec<(u8, u64)> {
        let mut found = vec![];
        self.find_merged(SHARD_HEIGHT, 0, &mut found);
        found
    }

    fn find_merged(&self, level: u8, index: u64, found: &mut Vec<(u8, u64)>) {
        if self.is_vacant(level, index) {
        } else if self.is_whole(level, index) && !self.keeps_leaf(level, index) {
            found.push((level, index));
        } else if level > 0 {
            self.find_merged(level - 1, 2 * index, found);
            self.find_merged(level - 1, 2 * index + 1, found);
        }
    }

    /// The tree of the record. What it needs must have been [filled](super::hasher::Hasher::fill).
    pub fn to_tree(&self) -> PrunableTree<H> {
        self.subtree(SHARD_HEIGHT, 0)
    }

    fn subtree(&self, level: u8, index: u64) -> PrunableTree<H> {
        if self.is_vacant(level, index) {
            return Tree::empty();
        }
        let merged = self.is_whole(level, index) && !self.keeps_leaf(level, index);
        match self.node(level, index) {
            Some(leaf) if level == 0 => Tree::leaf((leaf.clone(), self.flags[index as usize])),
            Some(node) if merged => Tree::leaf((node.clone(), RetentionFlags::EPHEMERAL)),
            _ => Tree::parent(
                None,
                self.subtree(level - 1, 2 * index),
                self.subtree(level - 1, 2 * index + 1),
            ),
        }
    }

    /// Reads a shard of a tree of `size` leaves, and checks that it is as
    /// [`to_tree`](Self::to_tree) makes it.
    pub fn from_tree(index: u64, size: u64, tree: &PrunableTree<H>) -> Result<Self, KvError> {
        // Checked before a position is computed from it: a key can name any index.
        if index >= size.div_ceil(LEAVES) {
            let reason = format!("a tree of {size} leaves has no such shard");
            return Err(KvError::corrupt(&keys::shard(index), reason));
        }
        let mut shard = Shard::empty(index);
        let start = shard.start();
        shard.leaves = (size - start).min(LEAVES);
        shard.newest = size <= start + LEAVES;
        shard
            .load(SHARD_HEIGHT, 0, tree)
            .and_then(|()| shard.check_merged(SHARD_HEIGHT, 0))
            .map_err(|reason| KvError::corrupt(&keys::shard(index), reason))?;
        Ok(shard)
    }

    fn load(&mut self, level: u8, index: u64, tree: &PrunableTree<H>) -> Result<(), String> {
        match &**tree {
            Node::Nil if self.is_vacant(level, index) => Ok(()),
            Node::Nil => Err(format!(
                "nothing at level {level}, index {index}, of {}",
                self.size_text()
            )),
            Node::Leaf { .. } if !self.is_whole(level, index) => Err(format!(
                "a node at level {level}, index {index}, beyond {}",
                self.size_text()
            )),
            Node::Leaf {
                value: (hash, flags),
            } => {
                let allowed = match level {
                    0 => [RetentionFlags::CHECKPOINT, RetentionFlags::MARKED].contains(flags),
                    _ => false,
                };
                if !allowed && !flags.is_empty() {
                    return Err(format!("flags {flags} at level {level}, index {index}"));
                }
                if level == 0 {
                    self.flags[index as usize] = *flags;
                }
                self.set_node(level, index, hash.clone());
                Ok(())
            }
            Node::Parent { ann: Some(_), .. } => {
                Err(format!("an annotation at level {level}, index {index}"))
            }
            Node::Parent { .. } if level == 0 || self.is_vacant(level, index) => {
                Err(format!("a parent at level {level}, index {index}"))
            }
            Node::Parent { left, right, .. } => {
                self.load(level - 1, 2 * index, left)?;
                self.load(level - 1, 2 * index + 1, right)
            }
        }
    }

    fn size_text(&self) -> String {
        format!("the shard's {} leaves", self.leaves)
    }

    /// Whether what is known is merged where, and only where, no leaf is kept.
    pub fn is_merged(&self) -> bool {
        self.check_merged(SHARD_HEIGHT, 0).is_ok()
    }

    /// Checks that the loaded nodes are merged if, and only if, no leaf in them is kept.
    fn check_merged(&self, level: u8, index: u64) -> Result<(), String> {
        if self.is_vacant(level, index) {
            return Ok(());
        }
        let known = self.node(level, index).is_some();
        let merged = self.is_whole(level, index) && !self.keeps_leaf(level, index);
        if known != (merged || level == 0) {
            let how = if known { "merged" } else { "not merged" };
            return Err(format!("level {level}, index {index} is {how}"));
        }
        if known {
            return Ok(());
        }
        self.check_merged(level - 1, 2 * index)?;
        self.check_merged(level - 1, 2 * index + 1)
    }
}
