//! What the tests of this folder share.

use super::field::{Fp, Multiply, Plain, is_canonical, limb_bytes};
use super::modulus::P;
use super::{Backend, OrchardNode};

/// Reproducible randomness (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// An integer below p.
    pub(super) fn integer(&mut self) -> [u64; 4] {
        loop {
            let x = [
                self.word(),
                self.word(),
                self.word(),
                self.word() & (u64::MAX >> 1),
            ];
            if is_canonical(&x) {
                return x;
            }
        }
    }

    pub(super) fn node(&mut self) -> OrchardNode {
        OrchardNode::from_canonical(limb_bytes(&self.integer()))
    }

    pub(super) fn pairs(&mut self, count: usize) -> Vec<(OrchardNode, OrchardNode)> {
        (0..count).map(|_| (self.node(), self.node())).collect()
    }

    /// All pairs of [edge integers](edge_integers), and 20,000 random ones.
    pub(super) fn integer_pairs(&mut self) -> Vec<([u64; 4], [u64; 4])> {
        let edges = edge_integers();
        let edges = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b)));
        let others = (0..20_000).map(|_| (self.integer(), self.integer()));
        edges.chain(others).collect()
    }
}

/// Integers below p at which carries, borrows and the last subtraction of p
/// happen or just fail to: every mix of the smallest and largest limbs, the
/// limbs of p and their neighbours, powers of two of each kind of limb.
pub(super) fn edge_integers() -> Vec<[u64; 4]> {
    let limb = |i: usize| [0, 1, u64::MAX, P[i], P[i].wrapping_sub(1)];
    let mut out = Vec::new();
    for a in limb(0) {
        for b in limb(1) {
            for c in [0, 1, u64::MAX] {
                for d in [0, (1 << 62) - 1, 1 << 62] {
                    out.push([a, b, c, d]);
                }
            }
        }
    }
    for bit in [
        31, 32, 51, 52, 63, 64, 103, 104, 126, 155, 156, 207, 208, 253, 254,
    ] {
        let mut x = [0; 4];
        x[bit / 64] = 1 << (bit % 64);
        out.push(x);
    }
    out.retain(is_canonical);
    out.sort_unstable();
    out.dedup();
    out
}

/// Compares a way to calculate with plain Rust. One factor is any four limbs, the other below p. That
/// both equal pasta_curves' is a test of the field.
pub(super) fn assert_calculates_as_plain<M: Multiply>() {
    let mut random = Random::new(3);
    let mut limb = || match random.word() % 4 {
        0 => 0,
        1 => u64::MAX,
        2 => random.word() % 3,
        _ => random.word(),
    };
    for _ in 0..500_000 {
        let a = Fp([(); 4].map(|()| limb()));
        let mut b = Fp([(); 4].map(|()| limb()));
        b.0[3] %= P[3];
        assert_eq!(M::near(&a, &b), Plain::near(&a, &b), "{a:?} {b:?}");
        assert_eq!(M::near(&b, &a), Plain::near(&b, &a), "{b:?} {a:?}");
        assert_eq!(M::mul(&a, &b), Plain::mul(&a, &b), "{a:?} {b:?}");
        assert_eq!(M::square(&b), Plain::square(&b), "{b:?}");
        assert_eq!(M::double(&b), Plain::double(&b), "{b:?}");
        assert_eq!(M::sub(&a, &b), Plain::sub(&a, &b), "{a:?} {b:?}");
        assert_eq!(M::minus(&a, &b), Plain::minus(&a, &b), "{a:?} {b:?}");
    }
}

/// The backends that this machine can run, the plainest first.
pub(super) fn backends() -> Vec<Backend> {
    let mut here: Vec<Backend> = Backend::available().collect();
    here.reverse();
    println!("tested here: {here:?}");
    here
}
