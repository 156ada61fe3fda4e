//! Nine 29-bit limbs, for AVX-512 without IFMA.
//!
//! Its multiplier takes the low 32 bits of each 64-bit word. The products of a limb of a sum, and what a
//! reduction takes off, stay below 2^63, so carries wait until the end.
//!
//! The Montgomery form is x·2^261, and the shape of p makes a round of the reduction cheap. The lowest
//! limb of p is 1, so m is the lowest limb of the sum, and m·p is taken off. Limbs 5 to 7 are zero, and limb
//! 8 is 2^22. That leaves four multiplications. At the end p is added, as the result may be negative.
//!
//! # Bounds
//!
//! The limbs of products, and of what is reduced, are from 0 to 2^29. Differences settle no carries:
//! they are only multiplied, and the multiplier knows signs. Their limbs are some 2^29 in size, but
//! for limbs 1 to 3, to which N·p adds up to 2^29 more. Its other limbs, for N ≤ 8, are below 2^26.
//! So in a column of the product of two differences, at most six of nine products have one factor of
//! 2^30, or three have two: it is below 15·2^58 in size. That of a difference and another element is below
//! 12·2^58. [`Limbs29::mul_add`] may have both. A column takes besides at most four products of m, below
//! 4·2^58, a carry below 2^35, and what "some" leaves out, below 2^58. So all sums stay below 2^63, which
//! is 32·2^58.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::super::curve::Affine;
use super::super::field::reduce_once;
use super::super::modulus::P;
use super::lanes::{here, lanes};
use super::multiples;
use super::vectors::{either, first, splat, swapped, transpose, vector, words};

const BITS: u32 = 29;
const MASK: u64 = (1 << BITS) - 1;
/// The bits of limb 8 that are below 2^254.
const TOP_BITS: u32 = 22;

/// Eight elements, limb by limb.
#[derive(Clone, Copy)]
pub(crate) struct Limbs29([__m512i; 9]);

/// Zeros, for buffers not yet used.
impl Default for Limbs29 {
    fn default() -> Limbs29 {
        Limbs29([vector([0; 8]); 9])
    }
}

/// Four 64-bit limbs as nine 29-bit ones.
const fn split(x: &[u64; 4]) -> [u64; 9] {
    [
        x[0] & MASK,
        x[0] >> 29 & MASK,
        (x[0] >> 58 | x[1] << 6) & MASK,
        x[1] >> 23 & MASK,
        (x[1] >> 52 | x[2] << 12) & MASK,
        x[2] >> 17 & MASK,
        (x[2] >> 46 | x[3] << 18) & MASK,
        x[3] >> 11 & MASK,
        x[3] >> 40,
    ]
}

/// Nine 29-bit limbs as four 64-bit ones.
const fn join(x: &[u64; 9]) -> [u64; 4] {
    [
        x[0] | x[1] << 29 | x[2] << 58,
        x[2] >> 6 | x[3] << 23 | x[4] << 52,
        x[4] >> 12 | x[5] << 17 | x[6] << 46,
        x[6] >> 18 | x[7] << 11 | x[8] << 40,
    ]
}

const P29: [u64; 9] = split(&P);
const _: () = assert!(P29[0] == 1 && P29[5] == 0 && P29[6] == 0 && P29[7] == 0);
const _: () = assert!(P29[8] == 1 << TOP_BITS);

/// See [`multiples::excess`]; the zero limbs 5 to 7 are not looked at.
const EXCESS: [[u64; 8]; 9] = multiples::excess(&P29, BITS);

/// sum + a·b, of numbers between -2^31 and 2^31.
#[target_feature(enable = "avx512f")]
#[inline]
fn mac(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi64(sum, _mm512_mul_epi32(a, b))
}

/// What is said of limb i, for each limb: written out, so that all limbs stay in registers.
macro_rules! limbs {
    ($limb:expr) => {{
        let limb = $limb;
        [
            limb(0),
            limb(1),
            limb(2),
            limb(3),
            limb(4),
            limb(5),
            limb(6),
            limb(7),
            limb(8),
        ]
    }};
}

/// Settles the carries, which may be negative, between limbs.
#[target_feature(enable = "avx512f")]
#[inline]
fn carry(limbs: [__m512i; 9]) -> Limbs29 {
    let mut over = _mm512_setzero_si512();
    let mut next = |i: usize| {
        let limb = _mm512_add_epi64(limbs[i], over);
        over = _mm512_srai_epi64::<BITS>(limb);
        match i {
            8 => limb,
            _ => _mm512_and_si512(limb, splat(MASK)),
        }
    };
    Limbs29(limbs!(&mut next))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn zeros() -> Window {
    [_mm512_setzero_si512(); 9]
}

/// The limbs of a sum that a row of products is added to: in round i, limbs i to i + 8.
type Window = [__m512i; 9];

/// The window, and a·b on it for one limb a.
#[target_feature(enable = "avx512f")]
#[inline]
fn row(t: Window, a: __m512i, b: &Limbs29) -> Window {
    limbs!(|i: usize| mac(t[i], a, b.0[i]))
}

/// The products of limb I with itself and, twice, with those above it.
#[target_feature(enable = "avx512f")]
#[inline]
fn square_row<const I: usize>(t: Window, a: &Limbs29) -> Window {
    let twice = _mm512_add_epi64(a.0[I], a.0[I]);
    limbs!(|i: usize| match i {
        _ if i < I => t[i],
        _ if i == I => mac(t[i], a.0[I], a.0[I]),
        _ => mac(t[i], twice, a.0[i]),
    })
}

/// One Montgomery round: takes off the m·p that clears the lowest limb, and moves the window one limb up.
#[target_feature(enable = "avx512f")]
#[inline]
fn round(t: Window) -> Window {
    let m = _mm512_and_si512(t[0], splat(MASK));
    let over = _mm512_srai_epi64::<BITS>(t[0]);
    let less = |i: usize| _mm512_sub_epi64(t[i], _mm512_mul_epu32(m, splat(P29[i])));
    [
        _mm512_add_epi64(less(1), over),
        less(2),
        less(3),
        less(4),
        t[5],
        t[6],
        t[7],
        _mm512_sub_epi64(t[8], _mm512_slli_epi64::<TOP_BITS>(m)),
        _mm512_setzero_si512(),
    ]
}

/// What nine rows, each followed by a round, make of nothing, before carries: (Σ row) / 2^261 mod p.
/// A macro, because the compiler would put the rounds into a function of their own, and their results
/// into memory.
macro_rules! nine_rounds {
    ($t:ident, $($row:expr),*) => {{
        let $t = zeros();
        $(let $t = round($row);)*
        lifted::<1>($t)
    }};
}

/// a·b / 2^261 mod p.
macro_rules! product {
    ($a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        nine_rounds!(
            t,
            row(t, a.0[0], b),
            row(t, a.0[1], b),
            row(t, a.0[2], b),
            row(t, a.0[3], b),
            row(t, a.0[4], b),
            row(t, a.0[5], b),
            row(t, a.0[6], b),
            row(t, a.0[7], b),
            row(t, a.0[8], b)
        )
    }};
}

/// (a·b + c·d) / 2^261 mod p.
macro_rules! two_products {
    ($a:expr, $b:expr, $c:expr, $d:expr) => {{
        let (a, b, c, d) = ($a, $b, $c, $d);
        nine_rounds!(
            t,
            row(row(t, a.0[0], b), c.0[0], d),
            row(row(t, a.0[1], b), c.0[1], d),
            row(row(t, a.0[2], b), c.0[2], d),
            row(row(t, a.0[3], b), c.0[3], d),
            row(row(t, a.0[4], b), c.0[4], d),
            row(row(t, a.0[5], b), c.0[5], d),
            row(row(t, a.0[6], b), c.0[6], d),
            row(row(t, a.0[7], b), c.0[7], d),
            row(row(t, a.0[8], b), c.0[8], d)
        )
    }};
}

/// a² / 2^261 mod p.
macro_rules! square {
    ($a:expr) => {{
        let a = $a;
        nine_rounds!(
            t,
            square_row::<0>(t, a),
            square_row::<1>(t, a),
            square_row::<2>(t, a),
            square_row::<3>(t, a),
            square_row::<4>(t, a),
            square_row::<5>(t, a),
            square_row::<6>(t, a),
            square_row::<7>(t, a),
            square_row::<8>(t, a)
        )
    }};
}

/// The limbs and n·p, before carries.
#[target_feature(enable = "avx512f")]
#[inline]
fn lifted<const N: u64>(limbs: [__m512i; 9]) -> [__m512i; 9] {
    let multiple = const { multiples::multiple(&P29, BITS, N) };
    limbs!(|i: usize| match multiple[i] {
        0 => limbs[i],
        limb => _mm512_add_epi64(limbs[i], splat(limb)),
    })
}

#[target_feature(enable = "avx512f")]
#[inline]
fn minus(limbs: [__m512i; 9], a: &Limbs29) -> [__m512i; 9] {
    limbs!(|i: usize| _mm512_sub_epi64(limbs[i], a.0[i]))
}

lanes!(Limbs29, 261, "avx512f" = "avx512f");

impl Limbs29 {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn splat(x: &[u64; 4]) -> Limbs29 {
        let x = split(x);
        Limbs29(limbs!(|i: usize| splat(x[i])))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load(points: [&Affine; 8]) -> (Limbs29, Limbs29) {
        let (x, y) = transpose(points);
        (Limbs29::from_limbs(x), Limbs29::from_limbs(y))
    }

    /// From four vectors of 64-bit limbs.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn from_limbs([a, b, c, d]: [__m512i; 4]) -> Limbs29 {
        let mut limbs = [
            a,
            _mm512_srli_epi64::<29>(a),
            either(_mm512_srli_epi64::<58>(a), _mm512_slli_epi64::<6>(b)),
            _mm512_srli_epi64::<23>(b),
            either(_mm512_srli_epi64::<52>(b), _mm512_slli_epi64::<12>(c)),
            _mm512_srli_epi64::<17>(c),
            either(_mm512_srli_epi64::<46>(c), _mm512_slli_epi64::<18>(d)),
            _mm512_srli_epi64::<11>(d),
            _mm512_srli_epi64::<40>(d),
        ];
        for limb in &mut limbs[..8] {
            *limb = _mm512_and_si512(*limb, splat(MASK));
        }
        Limbs29(limbs)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn elements(&self) -> [[u64; 4]; 8] {
        let limbs = self.0.map(words);
        let mut out = [[0; 4]; 8];
        for (lane, out) in out.iter_mut().enumerate() {
            *out = reduce_once(&join(&limbs.map(|limb| limb[lane])));
        }
        out
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn first(&self) -> [u64; 4] {
        reduce_once(&join(&limbs!(|i: usize| first(self.0[i]))))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn mul(&self, b: &Limbs29) -> Limbs29 {
        carry(product!(self, b))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn mul_sub<const N: u64>(&self, b: &Limbs29, c: &Limbs29) -> Limbs29 {
        carry(minus(lifted::<N>(product!(self, b)), c))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn mul_add(&self, b: &Limbs29, c: &Limbs29, d: &Limbs29) -> Limbs29 {
        carry(two_products!(self, b, c, d))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn square(&self) -> Limbs29 {
        carry(square!(self))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn square_sub<const N: u64>(&self, b: &Limbs29, c: &Limbs29) -> Limbs29 {
        carry(minus(minus(lifted::<N>(square!(self)), b), c))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn square_sub_twice<const N: u64>(&self, b: &Limbs29, c: &Limbs29) -> Limbs29 {
        let less = minus(minus(minus(lifted::<N>(square!(self)), b), c), c);
        carry(less)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn sub<const N: u64>(&self, b: &Limbs29) -> Limbs29 {
        Limbs29(minus(lifted::<N>(self.0), b))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn sub_twice<const N: u64>(&self, b: &Limbs29, c: &Limbs29) -> Limbs29 {
        let less = minus(lifted::<N>(self.0), b);
        carry(minus(minus(less, c), c))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn negate<const N: u64>(&self) -> Limbs29 {
        Limbs29(minus(lifted::<N>(zeros()), self))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn reduce(&self) -> Limbs29 {
        // With n = ⌊x/2^254⌋, x - (n - 1)·p is at least 2^254 - (n - 1)·t, so
        // positive, and less than 2·2^254.
        let n = _mm512_srli_epi64::<TOP_BITS>(self.0[8]);
        carry(limbs!(|i: usize| match i {
            5..8 => self.0[i],
            _ => {
                let excess = _mm512_permutexvar_epi64(n, vector(EXCESS[i]));
                _mm512_sub_epi64(self.0[i], excess)
            }
        }))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn swap(&self, distance: u64) -> Limbs29 {
        let order = swapped(distance);
        Limbs29(limbs!(|i: usize| _mm512_permutexvar_epi64(
            order, self.0[i]
        )))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn blend(&self, mask: u8, other: &Limbs29) -> Limbs29 {
        Limbs29(limbs!(|i: usize| _mm512_mask_blend_epi64(
            mask, self.0[i], other.0[i]
        )))
    }
}
