//! What the engine asks of a hash that is a type.

use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;

/// The hash that a tree is built with: what the engine asks beyond
/// [`Hashable`]. The default methods are plain loops over
/// [`Hashable::combine`].
pub trait TreeHash: Hashable + Clone + PartialEq {
    /// What the tip of a tree with this hash names it with, if it does.
    const FINGERPRINT: Option<[u8; 8]> = None;

    /// Combines each child at an even index with the next one, all of them at
    /// `level`, and appends the results to `out` in order. Large batches are
    /// shared among up to `threads` threads; the result does not depend on
    /// their number.
    fn combine_batch(level: Level, children: &[Self], threads: usize, out: &mut Vec<Self>) {
        let _ = threads;
        let (pairs, _) = children.as_chunks::<2>();
        out.extend(pairs.iter().map(|[l, r]| Self::combine(level, l, r)));
    }

    /// Combines `left` with the root of an empty subtree at its right.
    fn combine_empty_right(level: Level, left: &Self) -> Self {
        Self::combine(level, left, &Self::empty_root(level))
    }

    /// Folds `node`, which is at `level`, up through its siblings, one for
    /// each level from there on; returns the node on top.
    fn climb(level: Level, node: &Self, siblings: &[Sibling<Self>]) -> Self {
        let levels = (u8::from(level)..).map(Level::from);
        let path = siblings.iter().zip(levels);
        path.fold(node.clone(), |node, (sibling, level)| {
            sibling.combine(level, &node)
        })
    }
}

/// What a node on the way up is combined with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sibling<H> {
    /// The sibling is the left child.
    Left(H),
    /// The sibling is the right child.
    Right(H),
    /// The sibling is the right child, and nothing is in it.
    EmptyRight,
}

impl<H: TreeHash> Sibling<H> {
    /// The parent of `node` and this sibling, both at `level`.
    pub fn combine(&self, level: Level, node: &H) -> H {
        match self {
            Sibling::Left(left) => H::combine(level, left, node),
            Sibling::Right(right) => H::combine(level, node, right),
            Sibling::EmptyRight => H::combine_empty_right(level, node),
        }
    }
}

/// The plain loops: the reference that the fast paths are measured by.
impl TreeHash for MerkleHashOrchard {}

/// The trees of `incrementalmerkletree`'s test suites.
#[cfg(any(test, feature = "test-dependencies"))]
impl TreeHash for String {}
