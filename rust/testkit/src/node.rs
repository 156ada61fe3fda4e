//! Hashes to test with.

use std::sync::OnceLock;

use incrementalmerkletree::{Hashable, Level};
use incrementalmerkletree_testing::TestHashable;
use kvshard::codec::{NodeCodec, TreeNode};
use kvshard::hash::{OrchardNode, TreeHash};

/// A hash of 8 bytes that costs some nanoseconds and differs at every level. Any 8 bytes are a
/// node, so no damage is found only because it is no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheapNode(pub u64);

fn mix(mut x: u64) -> u64 {
    // The finalizer of SplitMix64.
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Hashable for CheapNode {
    fn empty_leaf() -> Self {
        CheapNode(0)
    }

    fn combine(level: Level, a: &Self, b: &Self) -> Self {
        let left = mix(a.0 ^ u64::from(u8::from(level)) << 56);
        CheapNode(mix(left.wrapping_mul(3) ^ b.0))
    }

    fn empty_root(level: Level) -> Self {
        static ROOTS: OnceLock<Vec<CheapNode>> = OnceLock::new();
        let roots = ROOTS.get_or_init(|| {
            let mut roots = vec![CheapNode::empty_leaf()];
            for level in 0..32 {
                let below = roots[usize::from(level)];
                roots.push(CheapNode::combine(Level::from(level), &below, &below));
            }
            roots
        });
        roots[usize::from(level)]
    }
}

impl TreeHash for CheapNode {}

impl NodeCodec for CheapNode {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(CheapNode(u64::from_le_bytes(*first)))
    }
}

impl TestHashable for CheapNode {
    fn from_u64(value: u64) -> Self {
        CheapNode(value + 1)
    }
}

/// A hash whose leaves can be made up.
pub trait TestNode: TreeNode + TreeHash + Send + 'static {
    /// The leaf of this number. Different numbers give different leaves, and none is the empty
    /// leaf.
    fn leaf(number: u64) -> Self;
}

impl TestNode for CheapNode {
    fn leaf(number: u64) -> Self {
        CheapNode(mix(number))
    }
}

/// The hash of `incrementalmerkletree`'s own suites: a node spells out its leaves.
impl TestNode for String {
    fn leaf(number: u64) -> Self {
        let char = char::from_u32(0x4e00 + (number % 20000) as u32);
        char.expect("a code point").to_string()
    }
}

impl TestNode for OrchardNode {
    fn leaf(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(number + 1000).to_le_bytes());
        OrchardNode::from_bytes(&bytes).expect("a small number is a field element")
    }
}

/// Leaves `first..first + count`.
pub fn leaves<H: TestNode>(first: u64, count: u64) -> Vec<H> {
    (first..first + count).map(H::leaf).collect()
}
