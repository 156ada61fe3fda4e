//! A hash that costs nothing, so that the fuzzer's time goes to the tree.

use std::sync::OnceLock;

use incrementalmerkletree::{Hashable, Level};
use kvshard::codec::NodeCodec;
use kvshard::hash::TreeHash;

/// A node of 8 bytes, of which the highest bit is 0: any other is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheapNode(pub u64);

const CANONICAL: u64 = u64::MAX >> 1;

impl CheapNode {
    /// A leaf that no other number gives.
    pub fn leaf(number: u64) -> Self {
        CheapNode(mix(number) & CANONICAL)
    }
}

fn mix(mut x: u64) -> u64 {
    // The finalizer of SplitMix64.
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Hashable for CheapNode {
    fn empty_leaf() -> Self {
        CheapNode(2)
    }

    fn combine(level: Level, a: &Self, b: &Self) -> Self {
        let left = mix(a.0 ^ u64::from(u8::from(level)) << 56);
        CheapNode(mix(left.wrapping_mul(3) ^ b.0) & CANONICAL)
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
        let value = u64::from_le_bytes(*first);
        *bytes = rest;
        (value <= CANONICAL).then_some(CheapNode(value))
    }
}
