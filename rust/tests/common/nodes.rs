//! Hashes to test with.

use incrementalmerkletree::{Hashable, Level};
use incrementalmerkletree_testing::TestHashable;
use kvshard::codec::{NodeCodec, TreeNode};
use kvshard::hash::{OrchardNode, TreeHash};

/// A hash of 8 bytes that costs some nanoseconds, with no two levels alike. Every 8 bytes are a
/// node, so that no damage is seen for being no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sip(pub u64);

impl Hashable for Sip {
    fn empty_leaf() -> Self {
        Sip(0)
    }

    fn combine(level: Level, left: &Self, right: &Self) -> Self {
        let mut mixed = 0x9e37_79b9_7f4a_7c15 ^ u64::from(u8::from(level));
        for word in [left.0, right.0] {
            mixed = (mixed ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
            mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            mixed ^= mixed >> 29;
        }
        Sip(mixed)
    }
}

impl TreeHash for Sip {}

impl NodeCodec for Sip {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Sip(u64::from_le_bytes(*first)))
    }
}

impl TestHashable for Sip {
    fn from_u64(value: u64) -> Self {
        Sip(value + 1)
    }
}

/// A hash whose leaves can be made up.
pub trait TestNode: TreeNode + Send + 'static {
    /// The leaf of this number; others for others, and none the empty leaf.
    fn leaf(number: u64) -> Self;
}

impl TestNode for Sip {
    fn leaf(number: u64) -> Self {
        Sip(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
}

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
