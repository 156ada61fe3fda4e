//! What the engine asks of a hash that is a type.

use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;

/// The hash that a tree is built with: what the engine asks beyond
/// [`Hashable`]. The default methods are plain loops over
/// [`Hashable::combine`]; [`OrchardNode`](super::OrchardNode) has faster ones.
///
/// ```
/// use kvshard::hash::{Hashable, OrchardNode, Sibling, TreeHash};
///
/// // The first leaf of a tree that has two: its path is one leaf and 31 empty subtrees.
/// let [first, second] = [1, 2].map(|i| OrchardNode::from_bytes(&[i; 32]).unwrap());
/// let mut path = vec![Sibling::EmptyRight; 32];
/// path[0] = Sibling::Right(second);
/// let root = OrchardNode::climb(0.into(), &first, &path);
///
/// let mut node = OrchardNode::combine(0.into(), &first, &second);
/// for level in 1..32u8 {
///     node = OrchardNode::combine(level.into(), &node, &OrchardNode::empty_root(level.into()));
/// }
/// assert_eq!(root, node);
/// ```
pub trait TreeHash: Hashable + Clone + PartialEq {
    /// The depth of the trees with this hash whose tips name it, and the name. `None` if they do not,
    /// as Orchard's.
    const NAME: Option<(u8, [u8; 8])> = None;

    /// Combines each child at an even index with the next one, all of them at
    /// `level`, and appends the results to `out` in order. Large batches are
    /// shared among up to `threads` threads, this one among them; 0 counts as
    /// 1. The result does not depend on their number.
    ///
    /// # Panics
    ///
    /// If the number of children is odd.
    fn combine_batch(level: Level, children: &[Self], threads: usize, out: &mut Vec<Self>) {
        let _ = threads;
        out.extend(
            pairs(children)
                .iter()
                .map(|[l, r]| Self::combine(level, l, r)),
        );
    }

    /// Combines `left` with the root of an empty subtree at its right, both at
    /// `level`.
    ///
    /// # Panics
    ///
    /// Above level 32.
    fn combine_empty_right(level: Level, left: &Self) -> Self {
        Self::combine(level, left, &Self::empty_root(level))
    }

    /// Folds `node`, which is at `level`, up through its siblings, one for
    /// each level from there on; returns the node on top, which is `node`
    /// itself if there is no sibling. So a path of 32 siblings leads from a
    /// leaf to the root.
    ///
    /// # Panics
    ///
    /// If a sibling is at a level above 254, or an empty one above 32.
    fn climb(level: Level, node: &Self, siblings: &[Sibling<Self>]) -> Self {
        let path = siblings.iter().zip(levels(level, siblings));
        path.fold(node.clone(), |node, (sibling, level)| {
            sibling.combine(level, &node)
        })
    }
}

/// The children two by two.
///
/// # Panics
///
/// If one is left over.
pub(super) fn pairs<T>(children: &[T]) -> &[[T; 2]] {
    let (pairs, rest) = children.as_chunks();
    assert!(
        rest.is_empty(),
        "{} children are no pairs: the last one needs a sibling",
        children.len()
    );
    pairs
}

/// The levels of the siblings, the first of which is at `level`.
///
/// # Panics
///
/// Above 254, so that the node on top has a level too.
pub(super) fn levels<H>(level: Level, siblings: &[Sibling<H>]) -> impl Iterator<Item = Level> {
    let end = usize::from(level) + siblings.len();
    let end = u8::try_from(end).expect("a path ends at level 255");
    (u8::from(level)..end).map(Level::from)
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
    ///
    /// # Panics
    ///
    /// If the sibling is an empty one above level 32.
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
