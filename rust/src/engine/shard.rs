//! A shard laid out flat: what is known of each of its 31 nodes, and the flags of its leaves.

use shardtree::RetentionFlags;

use crate::codec::{SHARD_HEIGHT, StoredNode, Token, TreeReader, TreeWriter};
use crate::error::KvError;
use crate::keys;
use crate::scheme::NodeReader;

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

/// Whether a node of this level in a record can have these flags.
fn may_have(level: u8, flags: RetentionFlags) -> bool {
    let of_a_leaf = [RetentionFlags::CHECKPOINT, RetentionFlags::MARKED];
    flags.is_empty() || (level == 0 && of_a_leaf.contains(&flags))
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

    /// The record. What it needs must have been [filled](super::hasher::Hasher::fill).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = TreeWriter::new(self.leaves as usize);
        self.write(SHARD_HEIGHT, 0, &mut writer);
        writer.end()
    }

    fn write(&self, level: u8, index: u64, writer: &mut TreeWriter) {
        if self.is_vacant(level, index) {
            return writer.nil();
        }
        let merged = self.is_whole(level, index) && !self.keeps_leaf(level, index);
        match self.node(level, index) {
            Some(leaf) if level == 0 => writer.leaf(leaf, self.flags[index as usize]),
            Some(node) if merged => writer.leaf(node, RetentionFlags::EPHEMERAL),
            _ => {
                writer.parent::<H>(None);
                self.write(level - 1, 2 * index, writer);
                self.write(level - 1, 2 * index + 1, writer);
            }
        }
    }

    /// Reads the record of a shard of a tree of `size` leaves, and checks that it is as
    /// [`encode`](Self::encode) makes it.
    pub fn decode<R: NodeReader<Node = H>>(
        nodes: &R,
        index: u64,
        size: u64,
        value: &[u8],
    ) -> Result<Self, KvError> {
        let key = keys::shard(index);
        let mut reader = TreeReader::new(nodes, &key, value)?;
        // Checked before a position is computed from it: a key can name any index.
        if index >= size.div_ceil(LEAVES) {
            let reason = format!("a tree of {size} leaves has no such shard");
            return Err(reader.corrupt(reason));
        }
        let mut shard = Shard::empty(index);
        let start = shard.start();
        shard.leaves = (size - start).min(LEAVES);
        shard.newest = size <= start + LEAVES;
        shard.read(SHARD_HEIGHT, 0, &mut reader)?;
        reader.end()?;
        shard
            .check_merged(SHARD_HEIGHT, 0)
            .map_err(|reason| reader.corrupt(reason))?;
        Ok(shard)
    }

    /// Reads the subtree at a place. Recurses to level 0 at most.
    fn read<R: NodeReader<Node = H>>(
        &mut self,
        level: u8,
        index: u64,
        reader: &mut TreeReader<'_, R>,
    ) -> Result<(), KvError> {
        let wrong = match reader.next()? {
            Token::Nil if self.is_vacant(level, index) => return Ok(()),
            Token::Nil => format!(
                "nothing at level {level}, index {index}, of {}",
                self.size_text()
            ),
            Token::Leaf(..) if !self.is_whole(level, index) => format!(
                "a node at level {level}, index {index}, beyond {}",
                self.size_text()
            ),
            Token::Leaf(_, flags) if !may_have(level, flags) => {
                format!("flags {flags} at level {level}, index {index}")
            }
            Token::Leaf(hash, flags) => {
                if level == 0 {
                    self.flags[index as usize] = flags;
                }
                self.set_node(level, index, hash);
                return Ok(());
            }
            Token::Parent(Some(_)) => format!("an annotation at level {level}, index {index}"),
            Token::Parent(None) if level == 0 || self.is_vacant(level, index) => {
                format!("a parent at level {level}, index {index}")
            }
            Token::Parent(None) => {
                self.read(level - 1, 2 * index, reader)?;
                return self.read(level - 1, 2 * index + 1, reader);
            }
        };
        Err(reader.corrupt(wrong))
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
