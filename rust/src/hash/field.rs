//! The Pallas base field in plain 64-bit arithmetic.
//!
//! The modulus is p = 2^254 + t with t < 2^126. In 64-bit limbs, lowest
//! first:
//!
//! ```text
//! p = [0x992d30ed00000001, 0x224698fc094cf91b, 0, 2^62]
//! ```
//!
//! Elements are kept in Montgomery form (x·2^256 mod p), below p but where a
//! function says otherwise. The
//! shape of p makes a Montgomery round cheap: limb 2 costs nothing, limb 3 is
//! a shift, so m·p takes two multiplications and finding m takes one. With
//! the sixteen of the product itself that makes 28 for a field
//! multiplication.
//!
//! Everything here runs in variable time: the nodes of the tree are public.

use std::hint::select_unpredictable;

use super::invert::divide_integers;
use super::modulus::{MINUS_P_INVERSE, P};

/// A field element: x·2^256 mod p, below p.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fp(pub(crate) [u64; 4]);

/// How elements are calculated with: a matter of speed only. Products above all, and what stands
/// between them.
///
/// A product before the last subtraction of p is below p + a·b/2^256. As p is a little more than
/// 2^254, that is p + a·b/4p and a little, so factors of a certain bound give products of another:
///
/// ```text
/// factors       product
/// p    2p       1.5p
/// 2p   2p + w   2p + w          with w = 2^127: 2p·(2p + w)/2^256 < p + t·(1 + 2^-126) + 0.51·w
///                               < p + w, as t < 0.54·2^126
/// 1.6p 1.6p     1.65p
/// 1.6p 2p       1.81p
/// ```
pub(crate) trait Multiply {
    /// The product, without the last subtraction of p. Below 2p + w if one factor is below 2p and
    /// the other below 2p + w, so it can be a factor again and again.
    fn near(a: &Fp, b: &Fp) -> Fp;

    /// The product, less p if it is not below p: reduced wherever the table above says less than
    /// 2p, and below p + 2w if both factors are below 2p + w.
    fn mul(a: &Fp, b: &Fp) -> Fp;

    /// The square, reduced, of an element below 1.6p.
    fn square(a: &Fp) -> Fp;

    /// See [`Fp::double`].
    #[inline(always)]
    fn double(a: &Fp) -> Fp {
        a.double()
    }

    /// See [`Fp::sub`].
    #[inline(always)]
    fn sub(a: &Fp, b: &Fp) -> Fp {
        a.sub(b)
    }

    /// See [`Fp::minus`].
    #[inline(always)]
    fn minus(a: &Fp, b: &Fp) -> Fp {
        a.minus(b)
    }
}

/// [`Multiply`] in plain Rust.
pub(crate) struct Plain;

impl Multiply for Plain {
    #[inline(always)]
    fn near(a: &Fp, b: &Fp) -> Fp {
        Fp(product(&a.0, &b.0))
    }

    #[inline(always)]
    fn mul(a: &Fp, b: &Fp) -> Fp {
        a.mul(b)
    }

    #[inline(always)]
    fn square(a: &Fp) -> Fp {
        a.square()
    }
}

/// 2^n mod p, by doubling: for constants.
pub(crate) const fn power_of_two(n: usize) -> [u64; 4] {
    let mut x = [1, 0, 0, 0];
    let mut i = 0;
    while i < n {
        x = double_constant(&x);
        i += 1;
    }
    x
}

/// 2·x mod p, where the compiler calculates.
const fn double_constant(x: &[u64; 4]) -> [u64; 4] {
    let (mut twice, mut less) = ([0; 4], [0; 4]);
    let (mut bit, mut borrow) = (0, false);
    let mut i = 0;
    while i < 4 {
        twice[i] = x[i] << 1 | bit;
        bit = x[i] >> 63;
        let (difference, b0) = twice[i].overflowing_sub(P[i]);
        let (difference, b1) = difference.overflowing_sub(borrow as u64);
        less[i] = difference;
        borrow = b0 || b1;
        i += 1;
    }
    if borrow { twice } else { less }
}

/// a·b + c + d, which always fits: low word, high word.
#[inline(always)]
fn mac(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = (a as u128) * (b as u128) + (c as u128) + (d as u128);
    (wide as u64, (wide >> 64) as u64)
}

/// x - p, or x itself where that is negative.
#[inline(always)]
pub(crate) fn reduce_once(x: &[u64; 4]) -> [u64; 4] {
    let (r0, b) = x[0].overflowing_sub(P[0]);
    let (r1, b) = x[1].borrowing_sub(P[1], b);
    let (r2, b) = x[2].borrowing_sub(0, b);
    let (r3, b) = x[3].borrowing_sub(P[3], b);
    select(b, x, &[r0, r1, r2, r3])
}

/// a or b, without a branch. Both are equally likely, so a branch would often
/// be mispredicted.
#[inline(always)]
fn select(first: bool, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let pick = |i: usize| select_unpredictable(first, a[i], b[i]);
    [pick(0), pick(1), pick(2), pick(3)]
}

/// (a + b) mod p for a, b < p. The sum is below 2^255, so nothing is lost.
#[inline(always)]
fn add(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (r0, c) = a[0].overflowing_add(b[0]);
    let (r1, c) = a[1].carrying_add(b[1], c);
    let (r2, c) = a[2].carrying_add(b[2], c);
    let (r3, _) = a[3].carrying_add(b[3], c);
    reduce_once(&[r0, r1, r2, r3])
}

/// (a - b) mod p for a, b < p.
#[inline(always)]
fn sub(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (r0, c) = a[0].overflowing_sub(b[0]);
    let (r1, c) = a[1].borrowing_sub(b[1], c);
    let (r2, c) = a[2].borrowing_sub(b[2], c);
    let (r3, c) = a[3].borrowing_sub(b[3], c);
    let difference = [r0, r1, r2, r3];
    let (r0, d) = r0.overflowing_add(P[0]);
    let (r1, d) = r1.carrying_add(P[1], d);
    let (r2, d) = r2.carrying_add(0, d);
    let (r3, _) = r3.carrying_add(P[3], d);
    select(c, &[r0, r1, r2, r3], &difference)
}

/// One Montgomery round: (t + m·p) / 2^64 with the m that makes it whole.
///
/// The sum fits four limbs again as long as t < 2^64·(2^256 - p). In a product of a and b the sums
/// stay below a + p, and with the next row below 2^64·a + p, so that holds for a < 2.9p.
#[inline(always)]
fn round(t: [u64; 5]) -> [u64; 4] {
    let m = t[0].wrapping_mul(MINUS_P_INVERSE);
    let (_, c) = mac(m, P[0], t[0], 0);
    let (r0, c) = mac(m, P[1], t[1], c);
    let (r1, c) = t[2].overflowing_add(c);
    let (r2, c) = t[3].carrying_add(m << 62, c);
    let (r3, _) = t[4].carrying_add(m >> 2, c);
    [r0, r1, r2, r3]
}

/// t + a·b for one word b.
#[inline(always)]
fn row(t: [u64; 4], a: &[u64; 4], b: u64) -> [u64; 5] {
    let (r0, c) = mac(a[0], b, t[0], 0);
    let (r1, c) = mac(a[1], b, t[1], c);
    let (r2, c) = mac(a[2], b, t[2], c);
    let (r3, c) = mac(a[3], b, t[3], c);
    [r0, r1, r2, r3, c]
}

/// a·b / 2^256 modulo p, for a < 2.9p: below p + a·b/2^256.
#[inline(always)]
fn product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let t = round(row([0; 4], a, b[0]));
    let t = round(row(t, a, b[1]));
    let t = round(row(t, a, b[2]));
    round(row(t, a, b[3]))
}

/// a·b / 2^256 mod p, for a < 2p and b < p or the other way round.
#[inline(always)]
pub(crate) fn montgomery(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    reduce_once(&product(a, b))
}

/// Whether the integer is a canonical field element.
#[inline]
pub(crate) fn is_canonical(x: &[u64; 4]) -> bool {
    let (_, b) = x[0].overflowing_sub(P[0]);
    let (_, b) = x[1].borrowing_sub(P[1], b);
    let (_, b) = x[2].borrowing_sub(0, b);
    let (_, b) = x[3].borrowing_sub(P[3], b);
    b
}

/// The four limbs of 32 little-endian bytes.
#[inline]
pub(crate) fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut out = [0; 4];
    for (limb, chunk) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_le_bytes(*chunk);
    }
    out
}

/// The 32 little-endian bytes of four limbs.
#[inline]
pub(crate) fn limb_bytes(limbs: &[u64; 4]) -> [u8; 32] {
    let mut out = [0; 32];
    for (chunk, limb) in out.as_chunks_mut::<8>().0.iter_mut().zip(limbs) {
        *chunk = limb.to_le_bytes();
    }
    out
}

impl Fp {
    pub(crate) const ZERO: Fp = Fp([0; 4]);
    pub(crate) const ONE: Fp = Fp(power_of_two(256));

    /// From an integer below p.
    pub(crate) fn from_integer(x: &[u64; 4]) -> Fp {
        const SQUARE: [u64; 4] = power_of_two(512);
        Fp(montgomery(x, &SQUARE))
    }

    /// The integer below p.
    #[inline]
    pub(crate) fn to_integer(self) -> [u64; 4] {
        montgomery(&self.0, &[1, 0, 0, 0])
    }

    #[inline(always)]
    pub(crate) fn add(&self, other: &Fp) -> Fp {
        Fp(add(&self.0, &other.0))
    }

    #[inline(always)]
    pub(crate) fn sub(&self, other: &Fp) -> Fp {
        Fp(sub(&self.0, &other.0))
    }

    /// a - b, only below 2p. It is a factor for [`Fp::mul`], whose result is
    /// reduced if the other factor is.
    #[inline(always)]
    pub(crate) fn minus(&self, other: &Fp) -> Fp {
        let (a, b) = (&self.0, &other.0);
        let (r0, c) = a[0].overflowing_sub(b[0]);
        let (r1, c) = a[1].borrowing_sub(b[1], c);
        let (r2, c) = a[2].borrowing_sub(b[2], c);
        let (r3, _) = a[3].borrowing_sub(b[3], c);
        let (r0, c) = r0.overflowing_add(P[0]);
        let (r1, c) = r1.carrying_add(P[1], c);
        let (r2, c) = r2.carrying_add(0, c);
        let (r3, _) = r3.carrying_add(P[3], c);
        Fp([r0, r1, r2, r3])
    }

    #[inline(always)]
    pub(crate) fn mul(&self, other: &Fp) -> Fp {
        Fp(montgomery(&self.0, &other.0))
    }

    #[inline(always)]
    pub(crate) fn double(&self) -> Fp {
        self.add(self)
    }

    /// The square: ten multiplications for the product instead of sixteen.
    #[inline(always)]
    pub(crate) fn square(&self) -> Fp {
        let [a0, a1, a2, a3] = self.0;
        // The products of different limbs, once each.
        let (r1, c) = mac(a0, a1, 0, 0);
        let (r2, c) = mac(a0, a2, 0, c);
        let (r3, r4) = mac(a0, a3, 0, c);
        let (r3, c) = mac(a1, a2, r3, 0);
        let (r4, r5) = mac(a1, a3, r4, c);
        let (r5, r6) = mac(a2, a3, r5, 0);
        // Twice those, and the squares of the limbs.
        let r7 = r6 >> 63;
        let r6 = (r6 << 1) | (r5 >> 63);
        let r5 = (r5 << 1) | (r4 >> 63);
        let r4 = (r4 << 1) | (r3 >> 63);
        let r3 = (r3 << 1) | (r2 >> 63);
        let r2 = (r2 << 1) | (r1 >> 63);
        let r1 = r1 << 1;
        let (r0, c) = mac(a0, a0, 0, 0);
        let (r1, c) = r1.overflowing_add(c);
        let (s2, h2) = mac(a1, a1, 0, 0);
        let (r2, c) = r2.carrying_add(s2, c);
        let (r3, c) = r3.carrying_add(h2, c);
        let (s4, h4) = mac(a2, a2, 0, 0);
        let (r4, c) = r4.carrying_add(s4, c);
        let (r5, c) = r5.carrying_add(h4, c);
        let (s6, h6) = mac(a3, a3, 0, 0);
        let (r6, c) = r6.carrying_add(s6, c);
        let (r7, _) = r7.carrying_add(h6, c);
        // Reduce the low half to a value of at most p, then add the high half,
        // which is below p²/2^256 < 2^252.1: the sum is below 2p.
        let t = round([r0, r1, r2, r3, 0]);
        let t = round([t[0], t[1], t[2], t[3], 0]);
        let t = round([t[0], t[1], t[2], t[3], 0]);
        let t = round([t[0], t[1], t[2], t[3], 0]);
        let (s0, c) = t[0].overflowing_add(r4);
        let (s1, c) = t[1].carrying_add(r5, c);
        let (s2, c) = t[2].carrying_add(r6, c);
        let (s3, _) = t[3].carrying_add(r7, c);
        Fp(reduce_once(&[s0, s1, s2, s3]))
    }

    /// The inverse; nothing for zero.
    pub(crate) fn invert(&self) -> Option<Fp> {
        // R²/(x·R) = x^-1·R, with R = 2^256.
        const SQUARE: [u64; 4] = power_of_two(512);
        divide_integers(&SQUARE, &self.0).map(Fp)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mulx::{self, Mulx};
    use super::super::testing::{Random, edge_integers};
    use super::super::umulh::{self, Umulh};
    use super::*;
    use pasta_curves::group::ff::{Field, PrimeField};
    use pasta_curves::pallas;

    /// The same element in both implementations.
    #[derive(Clone, Copy)]
    struct Pair {
        ours: Fp,
        theirs: pallas::Base,
    }

    impl Pair {
        fn new(integer: &[u64; 4]) -> Pair {
            Pair {
                ours: Fp::from_integer(integer),
                theirs: pallas::Base::from_repr(limb_bytes(integer)).unwrap(),
            }
        }

        /// The element whose Montgomery form has these limbs. With it the
        /// arithmetic sees the edge values themselves.
        fn with_limbs(raw: &[u64; 4]) -> Pair {
            Pair::new(&Fp(*raw).to_integer())
        }
    }

    fn assert_same(ours: Fp, theirs: pallas::Base, what: &str) {
        assert!(is_canonical(&ours.0), "{what}: not reduced");
        assert_eq!(limb_bytes(&ours.to_integer()), theirs.to_repr(), "{what}");
    }

    fn check(a: Pair, b: Pair) {
        assert_same(a.ours.add(&b.ours), a.theirs + b.theirs, "add");
        assert_same(a.ours.sub(&b.ours), a.theirs - b.theirs, "sub");
        assert_same(a.ours.double(), a.theirs.double(), "double");
        check_path::<Plain>(a, b);
        if mulx::is_available() {
            check_path::<Mulx>(a, b);
        }
        if umulh::is_available() {
            check_path::<Umulh>(a, b);
        }
    }

    fn check_path<M: Multiply>(a: Pair, b: Pair) {
        assert_same(M::double(&a.ours), a.theirs.double(), "double");
        assert_same(M::sub(&a.ours, &b.ours), a.theirs - b.theirs, "sub");
        assert_same(M::mul(&a.ours, &b.ours), a.theirs * b.theirs, "mul");
        let minus = M::minus(&a.ours, &b.ours);
        let expected = a.theirs * (a.theirs - b.theirs);
        assert_same(M::mul(&a.ours, &minus), expected, "mul by minus");
        assert_same(M::mul(&minus, &a.ours), expected, "minus by mul");
        assert_same(M::square(&a.ours), a.theirs.square(), "square");
        let near = M::near(&minus, &a.ours);
        assert_same(Fp(reduce_once(&near.0)), expected, "near");
    }

    /// Chains of products that are never reduced stay in their bounds, at the largest factors too.
    fn check_chain<M: Multiply>(factors: impl Iterator<Item = [u64; 4]>) {
        let mut ours = Fp::ONE;
        let mut theirs = pallas::Base::ONE;
        for factor in factors {
            let (nought, factor) = (Fp::ZERO, Pair::with_limbs(&factor));
            let negative = M::minus(&factor.ours, &nought); // factor + p, below 2p
            ours = M::near(&ours, &negative);
            theirs *= factor.theirs;
            assert!(below_twice_the_modulus_and_w(&ours.0), "{ours:?}");
            let square = M::mul(&ours, &ours);
            assert_eq!(M::mul(&square, &Fp::ONE), M::mul(&Fp::ONE, &square));
            assert_same(M::mul(&square, &Fp::ONE), theirs.square(), "chain");
        }
    }

    /// Below 2p + 2^127.
    fn below_twice_the_modulus_and_w(x: &[u64; 4]) -> bool {
        let [_, c1, c2, c3] = *x;
        // 2p + 2^127 = 2^255 + 2t + 2^127, where 2t is below 2^127 and above 2^126.
        (c3, c2) < (1 << 63, 0) || ((c3, c2) == (1 << 63, 0) && c1 < (2 * P[1]) + (1 << 63))
    }

    #[test]
    fn chains_of_products_stay_in_their_bounds() {
        let largest = [P[0] - 1, P[1], P[2], P[3]];
        let mut random = Random::new(4);
        for count in [1, 2, 3, 200, 2_000] {
            let mut factors = vec![largest; count];
            factors.extend(edge_integers().into_iter().filter(|x| *x != [0; 4]));
            factors.extend((0..count).map(|_| random.integer()));
            check_chain::<Plain>(factors.iter().copied());
            if mulx::is_available() {
                check_chain::<Mulx>(factors.iter().copied());
            }
            if umulh::is_available() {
                check_chain::<Umulh>(factors.iter().copied());
            }
        }
    }

    fn check_inverse(a: Pair) {
        let theirs = Option::<pallas::Base>::from(a.theirs.invert());
        assert_eq!(a.ours.invert().is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (a.ours.invert(), theirs) {
            assert_same(ours, theirs, "invert");
        }
    }

    #[test]
    fn constants_are_right() {
        assert_eq!(P[0].wrapping_mul(MINUS_P_INVERSE), u64::MAX);
        let minus_one = limbs(&(-pallas::Base::ONE).to_repr());
        assert_eq!(
            [minus_one[0] + 1, minus_one[1], minus_one[2], minus_one[3]],
            P
        );
        assert_eq!(Fp::ONE.to_integer(), [1, 0, 0, 0]);
        assert_eq!(Fp::ZERO.to_integer(), [0; 4]);
    }

    #[test]
    fn arithmetic_equals_pasta_curves_on_all_pairs_of_edge_values() {
        let edges = edge_integers();
        for a in &edges {
            for b in &edges {
                check(Pair::new(a), Pair::new(b));
                check(Pair::with_limbs(a), Pair::with_limbs(b));
            }
        }
    }

    #[test]
    fn arithmetic_equals_pasta_curves_on_random_values() {
        let mut random = Random::new(1);
        for _ in 0..200_000 {
            check(Pair::new(&random.integer()), Pair::new(&random.integer()));
        }
    }

    #[test]
    fn inverses_equal_those_of_pasta_curves() {
        for edge in &edge_integers() {
            check_inverse(Pair::new(edge));
            check_inverse(Pair::with_limbs(edge));
        }
        let mut random = Random::new(2);
        for _ in 0..20_000 {
            check_inverse(Pair::new(&random.integer()));
        }
        for small in 1..2_000 {
            check_inverse(Pair::with_limbs(&[small, 0, 0, 0]));
        }
    }

    #[test]
    fn canonical_is_below_the_modulus() {
        let [p0, p1, p2, p3] = P;
        assert!(is_canonical(&[p0 - 1, p1, p2, p3]));
        for above in [
            P,
            [p0 + 1, p1, p2, p3],
            [0, p1 + 1, p2, p3],
            [0, 0, 1, p3],
            [u64::MAX; 4],
        ] {
            assert!(!is_canonical(&above));
        }
    }
}
