//! Poseidon over Pallas, as the crate `vote-commitment-tree` builds its trees with it.
//!
//! The hash is `P128Pow5T3` (width 3, rate 2) of two base field elements, the same at every level;
//! an absent leaf is the hash of two zeros. Its round constants and matrix are those of the crate
//! `halo2_poseidon`; the permutation is the one of the Poseidon paper (Grassi et al., 2019), section
//! 2.3, with 8 full and 56 partial rounds.

use std::fmt;
use std::sync::LazyLock;

use group::ff::{Field, PrimeField};
use halo2_poseidon::{ConstantLength, Hash, P128Pow5T3};
use incrementalmerkletree::{Hashable, Level};
use pasta_curves::pallas::Base;

use super::shares::in_shares;
use super::tree_hash::{TreeHash, pairs};

/// Fewest hashes that are worth a thread of their own.
const THREAD_MIN: usize = 64;
/// Hashes that a thread takes at once.
const SHARE: usize = 32;

/// A node of a vote tree: 32 bytes, the canonical little-endian encoding of a Pallas base field
/// element.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
#[repr(transparent)]
pub struct VoteNode([u8; 32]);

impl VoteNode {
    /// Levels between the leaves and the root.
    pub const DEPTH: u8 = 24;

    /// The node of these bytes; nothing if they are the modulus or above.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        super::field::is_canonical(&super::field::limbs(bytes)).then_some(VoteNode(*bytes))
    }

    /// The canonical bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    fn element(&self) -> Base {
        Option::from(Base::from_repr(self.0)).expect("the bytes of a VoteNode are canonical")
    }
}

impl fmt::Display for VoteNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::hex(&self.0))
    }
}

impl fmt::Debug for VoteNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn poseidon(left: Base, right: Base) -> Base {
    Hash::<_, P128Pow5T3, ConstantLength<2>, 3, 2>::init().hash([left, right])
}

/// Levels of the highest tree.
const MOST_LEVELS: u8 = 32;

/// The empty roots of every level that a tree can have.
static EMPTY_ROOTS: LazyLock<Vec<VoteNode>> = LazyLock::new(|| {
    let mut root = poseidon(Base::ZERO, Base::ZERO);
    let mut roots = vec![VoteNode(root.to_repr())];
    for _ in 0..MOST_LEVELS {
        root = poseidon(root, root);
        roots.push(VoteNode(root.to_repr()));
    }
    roots
});

impl Hashable for VoteNode {
    fn empty_leaf() -> Self {
        EMPTY_ROOTS[0]
    }

    fn combine(_: Level, left: &Self, right: &Self) -> Self {
        VoteNode(poseidon(left.element(), right.element()).to_repr())
    }

    /// # Panics
    ///
    /// Above level 32.
    fn empty_root(level: Level) -> Self {
        EMPTY_ROOTS[usize::from(level)]
    }
}

impl TreeHash for VoteNode {
    // Drawn by the rule of FORMAT.md from the name "vote-poseidon", the depth and the hash.
    const NAME: Option<(u8, [u8; 8])> = Some((
        Self::DEPTH,
        [0x67, 0xeb, 0x3c, 0x15, 0xca, 0x9a, 0x24, 0x60],
    ));

    fn combine_batch(level: Level, children: &[Self], threads: usize, out: &mut Vec<Self>) {
        let pairs = pairs(children);
        let old = out.len();
        out.resize(old + pairs.len(), VoteNode([0; 32]));
        let new = &mut out[old..];
        let work = |pairs: &[[Self; 2]], out: &mut [Self]| {
            for (out, [left, right]) in out.iter_mut().zip(pairs) {
                *out = Self::combine(level, left, right);
            }
        };
        in_shares(
            pairs,
            new,
            SHARE,
            threads.min(pairs.len() / THREAD_MIN),
            work,
        );
    }
}
