//! The Pallas base field, eight elements at a time.
//!
//! An element is five 52-bit limbs, one vector each, in Montgomery form
//! x·2^260. That leaves six bits above p, so elements need not be reduced. Each
//! operation states which multiple of p its operands stay below, and what it
//! returns. The limbs themselves are always below 2^52, because the multiplier
//! looks at 52 bits only.
//!
//! A product a·b is reduced to below p + a·b/2^260, and 2^260 > 63·p: with
//! operands below a·p and b·p, where a·b ≤ 63, it stays below 2p.

use std::arch::x86_64::*;

use super::super::field::{Fp, montgomery, power_of_two, reduce_once};
use super::super::invert::invert_integer;
use super::super::modulus::P;
use super::{vector, words};

const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// -p^-1 mod 2^52.
const MINUS_P_INVERSE: u64 = super::super::modulus::MINUS_P_INVERSE & MASK;

/// Eight elements, limb by limb.
#[derive(Clone, Copy)]
pub(super) struct Lanes(pub(super) [__m512i; 5]);

/// Zeros, for buffers not yet used.
impl Default for Lanes {
    fn default() -> Lanes {
        Lanes([vector([0; 8]); 5])
    }
}

/// Four 64-bit limbs as five 52-bit ones.
const fn split(x: &[u64; 4]) -> [u64; 5] {
    [
        x[0] & MASK,
        (x[0] >> 52 | x[1] << 12) & MASK,
        (x[1] >> 40 | x[2] << 24) & MASK,
        (x[2] >> 28 | x[3] << 36) & MASK,
        x[3] >> 16,
    ]
}

/// Five 52-bit limbs as four 64-bit ones.
const fn join(x: &[u64; 5]) -> [u64; 4] {
    [
        x[0] | x[1] << 52,
        x[1] >> 12 | x[2] << 40,
        x[2] >> 24 | x[3] << 28,
        x[3] >> 36 | x[4] << 16,
    ]
}

const P52: [u64; 5] = split(&P);

/// n·p for n ≤ 8, in 52-bit limbs.
const fn multiple(n: u64) -> [u64; 5] {
    let mut out = [0; 5];
    let (mut carry, mut i) = (0, 0);
    while i < 5 {
        let limb = P52[i] * n + carry;
        out[i] = if i < 4 { limb & MASK } else { limb };
        carry = limb >> BITS;
        i += 1;
    }
    out
}

/// What [`Lanes::reduce`] takes off, by the element's bits from 254 on: one
/// multiple of p less than they say; limb by limb, but for the zero limb 3.
const EXCESS: [[u64; 8]; 5] = {
    let mut out = [[0; 8]; 5];
    let mut n = 1;
    while n < 8 {
        let limbs = multiple(n - 1);
        let mut i = 0;
        while i < 5 {
            out[i][n as usize] = limbs[i];
            i += 1;
        }
        n += 1;
    }
    out
};

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52lo_epu64(sum, a, b)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52hi_epu64(sum, a, b)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn first(x: __m512i) -> u64 {
    _mm_cvtsi128_si64(_mm512_castsi512_si128(x)) as u64
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn either(a: __m512i, b: __m512i) -> __m512i {
    _mm512_or_si512(a, b)
}

/// Settles the carries, which may be negative, between limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn carry(mut limbs: [__m512i; 5]) -> Lanes {
    let mask = splat(MASK);
    for i in 0..4 {
        let over = _mm512_srai_epi64::<BITS>(limbs[i]);
        limbs[i] = _mm512_and_si512(limbs[i], mask);
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], over);
    }
    Lanes(limbs)
}

/// The ten limbs of a product, before carries: each below 2^57.
type Product = [__m512i; 10];

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn product(mut t: Product, a: &Lanes, b: &Lanes) -> Product {
    for i in 0..5 {
        for j in 0..5 {
            t[i + j] = low(t[i + j], a.0[i], b.0[j]);
            t[i + j + 1] = high(t[i + j + 1], a.0[i], b.0[j]);
        }
    }
    t
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn square_product(upper: [__m512i; 5], a: &Lanes) -> Product {
    let mut t = [_mm512_setzero_si512(); 10];
    for i in 0..5 {
        for j in i + 1..5 {
            t[i + j] = low(t[i + j], a.0[i], a.0[j]);
            t[i + j + 1] = high(t[i + j + 1], a.0[i], a.0[j]);
        }
    }
    for limb in &mut t[1..9] {
        *limb = _mm512_add_epi64(*limb, *limb);
    }
    for i in 0..5 {
        t[5 + i] = _mm512_add_epi64(t[5 + i], upper[i]);
    }
    for i in 0..5 {
        t[2 * i] = low(t[2 * i], a.0[i], a.0[i]);
        t[2 * i + 1] = high(t[2 * i + 1], a.0[i], a.0[i]);
    }
    t
}

/// t/2^260 mod p, in five Montgomery rounds. Limb 3 of p is zero and limb 4
/// is 2^46.
///
/// A round adds the m·p that clears limb i. What that carries into limb i + 1
/// needs no multiplication: it is limb i / 2^52, rounded up.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn montgomery_reduce(mut t: Product) -> Lanes {
    let zero = _mm512_setzero_si512();
    let inverse = splat(MINUS_P_INVERSE);
    let (p0, p1, p2, p4) = (splat(P52[0]), splat(P52[1]), splat(P52[2]), splat(P52[4]));
    for i in 0..5 {
        let m = low(zero, t[i], inverse);
        let over = _mm512_srli_epi64::<BITS>(_mm512_add_epi64(t[i], splat(MASK)));
        // Two sums, so that the next m waits for one multiplication only.
        let other = low(over, m, p1);
        t[i + 1] = _mm512_add_epi64(high(t[i + 1], m, p0), other);
        t[i + 2] = high(t[i + 2], m, p1);
        t[i + 2] = low(t[i + 2], m, p2);
        t[i + 3] = high(t[i + 3], m, p2);
        t[i + 4] = low(t[i + 4], m, p4);
        t[i + 5] = high(t[i + 5], m, p4);
    }
    carry([t[5], t[6], t[7], t[8], t[9]])
}

/// Nothing yet, but what is to be added to the reduced product: the reduction
/// divides only the lower five limbs away.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn start(upper: [__m512i; 5]) -> Product {
    let zero = _mm512_setzero_si512();
    let [a, b, c, d, e] = upper;
    [zero, zero, zero, zero, zero, a, b, c, d, e]
}

/// N·p - a, before carries.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus<const N: u64>(a: &Lanes) -> [__m512i; 5] {
    let multiple = const { multiple(N) };
    let mut out = a.0;
    for i in 0..5 {
        out[i] = _mm512_sub_epi64(splat(multiple[i]), out[i]);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus_also(mut limbs: [__m512i; 5], a: &Lanes) -> [__m512i; 5] {
    for (limb, a) in limbs.iter_mut().zip(a.0) {
        *limb = _mm512_sub_epi64(*limb, a);
    }
    limbs
}

impl Lanes {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn one() -> Lanes {
        const ONE: [u64; 4] = power_of_two(260);
        Lanes::splat(&ONE)
    }

    /// The same element in all lanes.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn splat(x: &[u64; 4]) -> Lanes {
        let [a, b, c, d, e] = split(x);
        Lanes([splat(a), splat(b), splat(c), splat(d), splat(e)])
    }

    /// From four vectors of 64-bit limbs.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn from_limbs([a, b, c, d]: [__m512i; 4]) -> Lanes {
        let mut limbs = [
            a,
            either(_mm512_srli_epi64::<52>(a), _mm512_slli_epi64::<12>(b)),
            either(_mm512_srli_epi64::<40>(b), _mm512_slli_epi64::<24>(c)),
            either(_mm512_srli_epi64::<28>(c), _mm512_slli_epi64::<36>(d)),
            _mm512_srli_epi64::<16>(d),
        ];
        for limb in &mut limbs[..4] {
            *limb = _mm512_and_si512(*limb, splat(MASK));
        }
        Lanes(limbs)
    }

    /// The element in each lane, reduced from below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn to_elements(self) -> [[u64; 4]; 8] {
        let [a, b, c, d, e] = self.0;
        let limbs = [words(a), words(b), words(c), words(d), words(e)];
        let mut out = [[0; 4]; 8];
        for (lane, out) in out.iter_mut().enumerate() {
            let [a, b, c, d, e] = &limbs;
            *out = reduce_once(&join(&[a[lane], b[lane], c[lane], d[lane], e[lane]]));
        }
        out
    }

    /// The element in the first lane, reduced from below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn first(self) -> [u64; 4] {
        let [a, b, c, d, e] = self.0;
        reduce_once(&join(&[first(a), first(b), first(c), first(d), first(e)]))
    }

    /// The integers that the elements stand for, below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn to_integers(self) -> Lanes {
        self.mul(&Lanes::splat(&[1, 0, 0, 0]))
    }

    /// a·b, below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn mul(&self, other: &Lanes) -> Lanes {
        montgomery_reduce(product([_mm512_setzero_si512(); 10], self, other))
    }

    /// a·b - c + N·p for c below N·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn mul_sub<const N: u64>(&self, b: &Lanes, c: &Lanes) -> Lanes {
        montgomery_reduce(product(start(minus::<N>(c)), self, b))
    }

    /// a·b + c·d, below 2p where the sum of the bounds' products is at most 63.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn mul_add(&self, b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
        let t = product([_mm512_setzero_si512(); 10], self, b);
        montgomery_reduce(product(t, c, d))
    }

    /// a², below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn square(&self) -> Lanes {
        montgomery_reduce(square_product([_mm512_setzero_si512(); 5], self))
    }

    /// a² - b - c + N·p for b + c below N·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn square_sub<const N: u64>(&self, b: &Lanes, c: &Lanes) -> Lanes {
        let upper = minus_also(minus::<N>(b), c);
        montgomery_reduce(square_product(upper, self))
    }

    /// a² - b - 2c + N·p for b + 2c below N·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn square_sub_twice<const N: u64>(&self, b: &Lanes, c: &Lanes) -> Lanes {
        let upper = minus_also(minus_also(minus::<N>(b), c), c);
        montgomery_reduce(square_product(upper, self))
    }

    /// a - b + N·p for b below N·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn sub<const N: u64>(&self, other: &Lanes) -> Lanes {
        let mut out = minus::<N>(other);
        for (limb, a) in out.iter_mut().zip(self.0) {
            *limb = _mm512_add_epi64(*limb, a);
        }
        carry(out)
    }

    /// N·p - a for a below N·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn negate<const N: u64>(&self) -> Lanes {
        carry(minus::<N>(self))
    }

    /// The element from below 2^257 brought below 2p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn reduce(&self) -> Lanes {
        // With n = ⌊x/2^254⌋, x - (n - 1)·p is at least 2^254 - (n - 1)·t, so
        // positive, and less than 2·2^254.
        let n = _mm512_srli_epi64::<46>(self.0[4]);
        let mut out = self.0;
        for i in [0, 1, 2, 4] {
            let excess = _mm512_permutexvar_epi64(n, vector(EXCESS[i]));
            out[i] = _mm512_sub_epi64(out[i], excess);
        }
        carry(out)
    }

    /// The lanes in the order that `order` tells.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn permute(&self, order: __m512i) -> Lanes {
        let mut out = self.0;
        for limb in &mut out {
            *limb = _mm512_permutexvar_epi64(order, *limb);
        }
        Lanes(out)
    }

    /// Lane i holds what lane i ^ `distance` held.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn swap(&self, distance: u64) -> Lanes {
        let lanes = vector([0, 1, 2, 3, 4, 5, 6, 7]);
        self.permute(_mm512_xor_si512(lanes, splat(distance)))
    }

    /// `other`'s lanes where the mask is set.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn blend(&self, mask: __mmask8, other: &Lanes) -> Lanes {
        let mut out = self.0;
        for (limb, other) in out.iter_mut().zip(other.0) {
            *limb = _mm512_mask_blend_epi64(mask, *limb, other);
        }
        Lanes(out)
    }

    /// The inverses of eight elements below 2p, at the price of one inversion
    /// and six multiplications; nothing if any of them is zero.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn invert(&self) -> Option<Lanes> {
        // Each swap joins the products of two groups of lanes. What a lane has
        // not joined itself is the product of all other lanes.
        let others4 = self.swap(4);
        let four = self.mul(&others4);
        let others2 = four.swap(2);
        let two = four.mul(&others2);
        let others1 = two.swap(1);
        let all = two.mul(&others1);
        let others = others4.mul(&others2).mul(&others1);
        Some(others.mul(&all.invert_first()?))
    }

    /// The inverse of the first lane's element, in all lanes.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn invert_first(self) -> Option<Lanes> {
        // (x·R)^-1 as an integer, then ·R³/R = x^-1·R, with R = 2^260.
        const CUBE: [u64; 4] = power_of_two(780);
        let inverse = invert_integer(&self.first())?;
        Some(Lanes::splat(&inverse).mul(&Lanes::splat(&CUBE)))
    }
}

/// a/b as an integer, of two elements in this file's Montgomery form: the
/// factor 2^260 cancels out. Nothing if b is zero.
pub(super) fn quotient(a: &[u64; 4], b: &[u64; 4]) -> Option<[u64; 4]> {
    let a = Fp::from_integer(a);
    invert_integer(b).map(|inverse| montgomery(&inverse, &a.0))
}

/// Every operation against the portable field, on operands as far above p as
/// they may be.
#[cfg(test)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn check(a: &[u64; 4], b: &[u64; 4]) {
    let (x, y) = (Fp::from_integer(a), Fp::from_integer(b));
    let divisor = Fp::from_integer(&power_of_two(260)).invert().unwrap();
    let zero = Lanes::default();
    let same = |lanes: Lanes, expected: Fp| {
        assert_eq!(
            lanes.to_elements(),
            [expected.to_integer(); 8],
            "{a:x?} {b:x?}"
        );
        assert_eq!(lanes.first(), expected.to_integer());
    };
    let (a, b) = (Lanes::splat(a), Lanes::splat(b));
    let product = x.mul(&y).mul(&divisor);
    let square = x.square().mul(&divisor);
    same(a.mul(&b), product);
    // Six and eight times p more: 7p·9p.
    let (a7, b9) = (a.sub::<6>(&zero), b.sub::<8>(&zero));
    same(a7.mul(&b9), product);
    same(a7.square(), square);
    same(
        a.sub::<3>(&zero).mul_add(&b9, &b.sub::<2>(&zero), &b9),
        product.add(&y.square().mul(&divisor)),
    );
    // Sums of 2p and 2p or 4p, as in the formulas.
    let (a2, b2) = (a.sub::<1>(&zero), b.sub::<1>(&zero));
    same(a2.sub::<2>(&b2).reduce(), x.sub(&y));
    same(a2.negate::<2>(), Fp::ZERO.sub(&x));
    same(a2.mul_sub::<2>(&b2, &b2).reduce(), product.sub(&y));
    same(
        a2.square_sub::<4>(&a2, &b2).reduce(),
        square.sub(&x).sub(&y),
    );
    same(
        a2.square_sub_twice::<6>(&a2, &b2).reduce(),
        square.sub(&x).sub(&y.double()),
    );
    for more in [
        a,
        a2,
        a.sub::<2>(&zero),
        a.sub::<3>(&zero),
        a.sub::<4>(&zero),
        a.sub::<6>(&zero),
    ] {
        same(more.reduce(), x);
    }
    let inverse = a.invert();
    assert_eq!(inverse.is_some(), x != Fp::ZERO);
    if let Some(inverse) = inverse {
        same(inverse.mul(&a), Fp::from_integer(&power_of_two(260)));
    }
}

/// Lanes do not mix: eight different elements, inverted together.
#[cfg(test)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn check_lanes(elements: &[[u64; 4]; 8]) {
    let mut limbs = [[0; 8]; 5];
    for (lane, element) in elements.iter().enumerate() {
        for (limbs, limb) in limbs.iter_mut().zip(split(element)) {
            limbs[lane] = limb;
        }
    }
    let [a, b, c, d, e] = limbs;
    let lanes = Lanes([vector(a), vector(b), vector(c), vector(d), vector(e)]);
    assert_eq!(lanes.to_elements(), *elements);
    let ones = lanes.invert().unwrap().mul(&lanes);
    assert_eq!(ones.to_elements(), [power_of_two(260); 8]);
    let swapped = lanes.swap(5).to_elements();
    assert!((0..8).all(|lane| swapped[lane] == elements[lane ^ 5]));
}
