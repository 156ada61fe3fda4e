//! `MerkleCRH^Orchard`: the hash, which takes nearly all of a tree's time.
//!
//! # The sum
//!
//! The hash is Sinsemilla over the Pallas curve (Zcash protocol
//! specification, 5.4.1.3 and 5.4.1.9). Its message has a fixed length, 52
//! words of ten bits. Sinsemilla's steps acc ← 2·acc + S\[word\] are linear in
//! its generators. So the hash is the x coordinate of
//!
//! ```text
//! 2^52·Q + Σ 2^(51-i)·S\[word_i\]          i = 0..52
//! ```
//!
//! which is a start point for each level, and one entry from each of 51 tables
//! of 1024 points (`tables`). The words are bits of the nodes' bytes
//! (`message`). Adding up 52 points (`sum`) is all that is left, and the order
//! is free:
//!
//! - many sums at once are added in affine coordinates. All additions of a
//!   round share one inversion, at six field multiplications each;
//! - a single sum is added partly in projective coordinates, with few
//!   inversions;
//! - if half of a sum is known before the other (an empty right sibling, a
//!   sibling on the way to the root), only 26 points are left to add.
//!
//! `portable` adds in plain 64-bit arithmetic. `ifma` adds in eight lanes, if
//! the processor has AVX-512 IFMA. Both give the same bytes.
//!
//! # Exceptional cases
//!
//! Sinsemilla is defined with incomplete addition. It yields ⊥ if two points
//! with the same x, or the identity, are added; `orchard` then returns 0.
//! Theorem 5.4.4 of the protocol specification (in 5.4.1.9, "Sinsemilla hash
//! function") shows that a message whose hash is ⊥ gives a nontrivial discrete
//! logarithm relation between the generators. Nobody can find one without
//! breaking the discrete logarithm problem on Pallas, on which the hash's
//! collision resistance rests anyway.
//!
//! The sums here are added in another order, so they have other exceptional
//! cases: two partial sums, or two entries, with the same x. Each is again a
//! relation of that kind. Unlike ⊥, these cases say nothing about the result,
//! so they are handled exactly. A zero denominator makes the product of all
//! denominators zero; the shared inversion notices that, and the hashes that
//! shared it are computed again by the definition, through `orchard` itself.
//! One case is not noticed: a message for which the definition yields ⊥ while
//! none of our denominators is zero. To know such a message is to know a
//! relation.

mod curve;
mod field;
mod ifma;
mod invert;
mod message;
mod node;
#[doc(hidden)]
pub mod orchard_hash;
mod portable;
mod shares;
mod sum;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod vote;

use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;

pub use node::OrchardNode;
pub use vote::VoteNode;

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

/// How the sums are calculated: a matter of speed only.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Plain 64-bit arithmetic.
    Portable,
    /// Eight lanes of 52-bit limbs; only where the processor has AVX-512 IFMA.
    Ifma,
}

impl Backend {
    /// The fastest one that this processor has.
    #[inline]
    pub fn best() -> Backend {
        if ifma::is_available() {
            Backend::Ifma
        } else {
            Backend::Portable
        }
    }
}

impl Hashable for OrchardNode {
    fn empty_leaf() -> Self {
        MerkleHashOrchard::empty_leaf().into()
    }

    fn combine(level: Level, left: &Self, right: &Self) -> Self {
        orchard_hash::combine(Backend::best(), level, left, right)
    }

    /// # Panics
    ///
    /// Above level 32, the root's.
    fn empty_root(level: Level) -> Self {
        orchard_hash::empty_root(Backend::best(), level)
    }
}

impl TreeHash for OrchardNode {
    fn combine_batch(level: Level, children: &[Self], threads: usize, out: &mut Vec<Self>) {
        orchard_hash::combine_batch(Backend::best(), level, children, threads, out);
    }

    fn combine_empty_right(level: Level, left: &Self) -> Self {
        orchard_hash::combine_empty_right(Backend::best(), level, left)
    }

    fn climb(level: Level, node: &Self, siblings: &[Sibling<Self>]) -> Self {
        orchard_hash::climb(Backend::best(), level, node, siblings)
    }
}

/// The plain loops: the reference that the fast paths are measured by.
impl TreeHash for MerkleHashOrchard {}

/// The trees of `incrementalmerkletree`'s test suites.
#[cfg(any(test, feature = "test-dependencies"))]
impl TreeHash for String {}
