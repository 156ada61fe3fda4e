//! The hash that a tree is built with.
use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrchardNode([u8; 32]);
impl OrchardNode {
    pub fn from_bytes(b: &[u8; 32]) -> Option<Self> {
        Option::from(MerkleHashOrchard::from_bytes(b)).map(|_: MerkleHashOrchard| Self(*b))
    }
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
impl fmt::Debug for OrchardNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::hex(&self.0))
    }
}
impl fmt::Display for OrchardNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::hex(&self.0))
    }
}
impl From<MerkleHashOrchard> for OrchardNode {
    fn from(h: MerkleHashOrchard) -> Self {
        Self(h.to_bytes())
    }
}
impl From<OrchardNode> for MerkleHashOrchard {
    fn from(n: OrchardNode) -> Self {
        MerkleHashOrchard::from_bytes(&n.0).expect("canonical")
    }
}
impl Hashable for OrchardNode {
    fn empty_leaf() -> Self {
        MerkleHashOrchard::empty_leaf().into()
    }
    fn combine(level: Level, a: &Self, b: &Self) -> Self {
        MerkleHashOrchard::combine(level, &(*a).into(), &(*b).into()).into()
    }
    fn empty_root(level: Level) -> Self {
        MerkleHashOrchard::empty_root(level).into()
    }
}

pub trait TreeHash: Hashable + Clone + PartialEq {
    fn combine_batch(level: Level, pairs: &[(Self, Self)], _threads: usize, out: &mut Vec<Self>) {
        out.extend(pairs.iter().map(|(l, r)| Self::combine(level, l, r)));
    }
    fn combine_empty_right(level: Level, left: &Self) -> Self {
        Self::combine(level, left, &Self::empty_root(level))
    }
    fn climb(level: Level, node: &Self, siblings: &[Sibling<Self>]) -> Self {
        let mut level = level;
        let mut node = node.clone();
        for s in siblings {
            node = match s {
                Sibling::Left(h) => Self::combine(level, h, &node),
                Sibling::Right(h) => Self::combine(level, &node, h),
                Sibling::EmptyRight => Self::combine_empty_right(level, &node),
            };
            level = level + 1;
        }
        node
    }
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sibling<H> {
    Left(H),
    Right(H),
    EmptyRight,
}
impl TreeHash for OrchardNode {}
impl TreeHash for MerkleHashOrchard {}
#[cfg(feature = "test-dependencies")]
impl TreeHash for String {}
