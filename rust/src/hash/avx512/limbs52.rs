//! Five 52-bit limbs, for AVX-512 IFMA.
//!
//! Its instructions multiply 52-bit numbers and add the low or the high half of the product. A processor
//! that has them starts one or two in each cycle, so a field multiplication takes 2 or 3 nanoseconds.
//!
//! The Montgomery form is x·2^260. That leaves six bits above p. The limbs
//! themselves are always below 2^52, because the multiplier looks at 52 bits
//! only.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::super::curve::Affine;
use super::super::field::reduce_once;
use super::super::modulus::P;
use super::lanes::{here, lanes};
use super::multiples;
use super::vectors::{either, first, splat, swapped, transpose, vector, words};

const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// -p^-1 mod 2^52.
const MINUS_P_INVERSE: u64 = super::super::modulus::MINUS_P_INVERSE & MASK;

/// Eight elements, limb by limb.
#[derive(Clone, Copy)]
pub(crate) struct Limbs52([__m512i; 5]);

/// Zeros, for buffers not yet used.
impl Default for Limbs52 {
    fn default() -> Limbs52 {
        Limbs52([vector([0; 8]); 5])
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

/// See [`multiples::excess`]; the zero limb 3 is not looked at.
const EXCESS: [[u64; 8]; 5] = multiples::excess(&P52, BITS);

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

/// Settles the carries, which may be negative, between limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn carry(mut limbs: [__m512i; 5]) -> Limbs52 {
    let mask = splat(MASK);
    for i in 0..4 {
        let over = _mm512_srai_epi64::<BITS>(limbs[i]);
        limbs[i] = _mm512_and_si512(limbs[i], mask);
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], over);
    }
    Limbs52(limbs)
}

/// The ten limbs of a product, before carries: each below 2^57.
type Product = [__m512i; 10];

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn product(mut t: Product, a: &Limbs52, b: &Limbs52) -> Product {
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
fn square_product(upper: [__m512i; 5], a: &Limbs52) -> Product {
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
fn montgomery_reduce(mut t: Product) -> Limbs52 {
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
fn minus<const N: u64>(a: &Limbs52) -> [__m512i; 5] {
    let multiple = const { multiples::multiple(&P52, BITS, N) };
    let mut out = a.0;
    for i in 0..5 {
        out[i] = _mm512_sub_epi64(splat(multiple[i]), out[i]);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus_also(mut limbs: [__m512i; 5], a: &Limbs52) -> [__m512i; 5] {
    for (limb, a) in limbs.iter_mut().zip(a.0) {
        *limb = _mm512_sub_epi64(*limb, a);
    }
    limbs
}

lanes!(
    Limbs52,
    260,
    "avx512f,avx512ifma" = "avx512f" && "avx512ifma"
);

impl Limbs52 {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn splat(x: &[u64; 4]) -> Limbs52 {
        let [a, b, c, d, e] = split(x);
        Limbs52([splat(a), splat(b), splat(c), splat(d), splat(e)])
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn load(points: [&Affine; 8]) -> (Limbs52, Limbs52) {
        let (x, y) = transpose(points);
        (Limbs52::from_limbs(x), Limbs52::from_limbs(y))
    }

    /// From four vectors of 64-bit limbs.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn from_limbs([a, b, c, d]: [__m512i; 4]) -> Limbs52 {
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
        Limbs52(limbs)
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn elements(&self) -> [[u64; 4]; 8] {
        let [a, b, c, d, e] = self.0;
        let limbs = [words(a), words(b), words(c), words(d), words(e)];
        let mut out = [[0; 4]; 8];
        for (lane, out) in out.iter_mut().enumerate() {
            let [a, b, c, d, e] = &limbs;
            *out = reduce_once(&join(&[a[lane], b[lane], c[lane], d[lane], e[lane]]));
        }
        out
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn first(&self) -> [u64; 4] {
        let [a, b, c, d, e] = self.0;
        reduce_once(&join(&[first(a), first(b), first(c), first(d), first(e)]))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn mul(&self, other: &Limbs52) -> Limbs52 {
        montgomery_reduce(product([_mm512_setzero_si512(); 10], self, other))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn mul_sub<const N: u64>(&self, b: &Limbs52, c: &Limbs52) -> Limbs52 {
        montgomery_reduce(product(start(minus::<N>(c)), self, b))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn mul_add(&self, b: &Limbs52, c: &Limbs52, d: &Limbs52) -> Limbs52 {
        let t = product([_mm512_setzero_si512(); 10], self, b);
        montgomery_reduce(product(t, c, d))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn square(&self) -> Limbs52 {
        montgomery_reduce(square_product([_mm512_setzero_si512(); 5], self))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn square_sub<const N: u64>(&self, b: &Limbs52, c: &Limbs52) -> Limbs52 {
        let upper = minus_also(minus::<N>(b), c);
        montgomery_reduce(square_product(upper, self))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn square_sub_twice<const N: u64>(&self, b: &Limbs52, c: &Limbs52) -> Limbs52 {
        let upper = minus_also(minus_also(minus::<N>(b), c), c);
        montgomery_reduce(square_product(upper, self))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn sub<const N: u64>(&self, other: &Limbs52) -> Limbs52 {
        let mut out = minus::<N>(other);
        for (limb, a) in out.iter_mut().zip(self.0) {
            *limb = _mm512_add_epi64(*limb, a);
        }
        carry(out)
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn sub_twice<const N: u64>(&self, b: &Limbs52, c: &Limbs52) -> Limbs52 {
        let mut out = minus_also(minus_also(minus::<N>(b), c), c);
        for (limb, a) in out.iter_mut().zip(self.0) {
            *limb = _mm512_add_epi64(*limb, a);
        }
        carry(out)
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn negate<const N: u64>(&self) -> Limbs52 {
        carry(minus::<N>(self))
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn reduce(&self) -> Limbs52 {
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

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn swap(&self, distance: u64) -> Limbs52 {
        let mut out = self.0;
        for limb in &mut out {
            *limb = _mm512_permutexvar_epi64(swapped(distance), *limb);
        }
        Limbs52(out)
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn blend(&self, mask: u8, other: &Limbs52) -> Limbs52 {
        let mut out = self.0;
        for (limb, other) in out.iter_mut().zip(other.0) {
            *limb = _mm512_mask_blend_epi64(mask, *limb, other);
        }
        Limbs52(out)
    }
}
