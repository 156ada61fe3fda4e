//! The scheme of a tree: its hash, the value of an absent leaf, and its depth.
//!
//! A scheme is a value, so its hash can come from anywhere, and can fail. A scheme that is known when
//! the program is compiled is a [`StaticScheme`].

use std::fmt::Debug;
use std::marker::PhantomData;

use incrementalmerkletree::Level;

pub use crate::error::{Fingerprint, HashFailure};
use crate::hash::{Sibling, TreeHash};

/// The greatest depth of a tree.
pub const MAX_DEPTH: u8 = 32;

/// How a node is written within a record.
pub trait NodeCodec: Sized {
    /// Appends the node's bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes a node off the front of `bytes`; `None` if that is not exactly what
    /// [`write`](Self::write) makes.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// What a tree is made of: a node that can be stored.
pub trait StoredNode: NodeCodec + Clone + PartialEq + Debug {}

impl<H: NodeCodec + Clone + PartialEq + Debug> StoredNode for H {}

/// A node whose hash is known by its type: what a [`StaticScheme`] is
/// made of.
pub trait TreeNode: TreeHash + StoredNode {}

impl<H: TreeHash + StoredNode> TreeNode for H {}

/// How a tree's nodes are read from records.
pub trait NodeReader {
    /// A node as the records hold it.
    type Node: StoredNode;

    /// Takes a node off the front of `bytes`; `None` if it is cut short, or no value of the hash.
    fn read_node(&self, bytes: &mut &[u8]) -> Option<Self::Node> {
        Self::Node::read(bytes)
    }
}

/// The hash and the depth that a tree is built with.
pub trait Scheme: NodeReader {
    /// Levels between the leaves and the root: 1 to [`MAX_DEPTH`].
    fn depth(&self) -> u8;

    /// What the tree's tip carries; `None` for Orchard's, which carries nothing.
    fn fingerprint(&self) -> Option<Fingerprint>;

    /// The root of a subtree of `level` levels with no leaf in it; of level 0, an absent leaf.
    fn empty_root(&self, level: u8) -> Self::Node;

    /// Combines each child at an even index with the next one, all of them at `level`. Large
    /// batches may be shared among up to `threads` threads.
    fn combine_batch(
        &self,
        level: u8,
        children: &[Self::Node],
        threads: usize,
    ) -> Result<Vec<Self::Node>, HashFailure>;

    /// Combines two children at `level`.
    fn combine(
        &self,
        level: u8,
        left: &Self::Node,
        right: &Self::Node,
    ) -> Result<Self::Node, HashFailure> {
        let parents = self.combine_batch(level, &[left.clone(), right.clone()], 1)?;
        parents.into_iter().next().ok_or(HashFailure {
            reason: "a batch of one pair gave no node".into(),
        })
    }

    /// Whether [`combine_empty_right`](Self::combine_empty_right) is cheaper than a place in a
    /// batch.
    fn knows_empty_right(&self) -> bool {
        false
    }

    /// Combines a node of `level` with the root of an empty subtree at its right.
    fn combine_empty_right(&self, level: u8, left: &Self::Node) -> Result<Self::Node, HashFailure> {
        self.combine(level, left, &self.empty_root(level))
    }

    /// Folds a node of `level` up through its siblings, one for each level from there on.
    fn climb(
        &self,
        level: u8,
        node: &Self::Node,
        siblings: &[Sibling<Self::Node>],
    ) -> Result<Self::Node, HashFailure> {
        climb_steps(self, level, node, siblings)
    }
}

/// The climb of a scheme that has no faster one: a hash after the other.
pub(crate) fn climb_steps<S: Scheme + ?Sized>(
    scheme: &S,
    level: u8,
    node: &S::Node,
    siblings: &[Sibling<S::Node>],
) -> Result<S::Node, HashFailure> {
    let mut path = siblings.iter().zip(level..);
    path.try_fold(node.clone(), |node, (sibling, level)| match sibling {
        Sibling::Left(left) => scheme.combine(level, left, &node),
        Sibling::Right(right) => scheme.combine(level, &node, right),
        Sibling::EmptyRight => scheme.combine_empty_right(level, &node),
    })
}

/// A hash and a depth that are types: nothing of it can fail.
#[derive(Debug)]
pub struct StaticScheme<H, const DEPTH: u8 = 32>(PhantomData<H>);

impl<H: TreeHash, const DEPTH: u8> Default for StaticScheme<H, DEPTH> {
    fn default() -> Self {
        const {
            assert!(DEPTH >= 1 && DEPTH <= MAX_DEPTH);
            if let Some((depth, _)) = H::NAME {
                assert!(depth == DEPTH, "the hash names trees of another depth");
            }
        }
        StaticScheme(PhantomData)
    }
}

impl<H: TreeNode, const DEPTH: u8> NodeReader for StaticScheme<H, DEPTH> {
    type Node = H;
}

impl<H: TreeNode, const DEPTH: u8> Scheme for StaticScheme<H, DEPTH> {
    fn depth(&self) -> u8 {
        DEPTH
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        H::NAME.map(|(_, name)| name)
    }

    fn empty_root(&self, level: u8) -> H {
        H::empty_root(Level::from(level))
    }

    fn combine_batch(
        &self,
        level: u8,
        children: &[H],
        threads: usize,
    ) -> Result<Vec<H>, HashFailure> {
        let mut parents = Vec::with_capacity(children.len() / 2);
        H::combine_batch(Level::from(level), children, threads, &mut parents);
        Ok(parents)
    }

    fn combine(&self, level: u8, left: &H, right: &H) -> Result<H, HashFailure> {
        Ok(H::combine(Level::from(level), left, right))
    }

    fn knows_empty_right(&self) -> bool {
        true
    }

    fn combine_empty_right(&self, level: u8, left: &H) -> Result<H, HashFailure> {
        Ok(H::combine_empty_right(Level::from(level), left))
    }

    fn climb(&self, level: u8, node: &H, siblings: &[Sibling<H>]) -> Result<H, HashFailure> {
        Ok(H::climb(Level::from(level), node, siblings))
    }
}
