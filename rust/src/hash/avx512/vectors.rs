//! Vectors of eight words: what both ways to multiply need of AVX-512.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::super::curve::Affine;

/// A vector of eight words.
#[inline(always)]
pub(super) fn vector(words: [u64; 8]) -> __m512i {
    // SAFETY: both types are 64 bytes without padding, for which every
    // pattern of bits is a value.
    unsafe { std::mem::transmute(words) }
}

/// The eight words of a vector.
#[inline(always)]
pub(super) fn words(vector: __m512i) -> [u64; 8] {
    // SAFETY: as in `vector`.
    unsafe { std::mem::transmute(vector) }
}

/// The point's eight words, x before y.
#[inline(always)]
fn point_vector(point: &Affine) -> __m512i {
    // SAFETY: `Affine` is `repr(C)`, two arrays of four words: 64 bytes
    // without padding, for which every pattern of bits is a vector's value.
    unsafe { std::mem::transmute(*point) }
}

/// Has the processor bring the point to its cache, for a load to come.
#[inline(always)]
pub(super) fn prefetch(point: &Affine) {
    // SAFETY: the instruction belongs to every x86-64, and reads nothing that the program sees.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(point).cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn first(x: __m512i) -> u64 {
    _mm_cvtsi128_si64(_mm512_castsi512_si128(x)) as u64
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn either(a: __m512i, b: __m512i) -> __m512i {
    _mm512_or_si512(a, b)
}

/// For [`_mm512_permutexvar_epi64`]: lane i gets what lane i ^ `distance` held.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn swapped(distance: u64) -> __m512i {
    let lanes = vector([0, 1, 2, 3, 4, 5, 6, 7]);
    _mm512_xor_si512(lanes, splat(distance))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn low_words(a: __m512i, b: __m512i) -> __m512i {
    _mm512_unpacklo_epi64(a, b)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn high_words(a: __m512i, b: __m512i) -> __m512i {
    _mm512_unpackhi_epi64(a, b)
}

/// Quarters 0 and 2 of both.
#[target_feature(enable = "avx512f")]
#[inline]
fn even(a: __m512i, b: __m512i) -> __m512i {
    _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b)
}

/// Quarters 1 and 3 of both.
#[target_feature(enable = "avx512f")]
#[inline]
fn odd(a: __m512i, b: __m512i) -> __m512i {
    _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b)
}

/// Eight points of eight words as eight vectors of one word each: the four of
/// x, and those of y.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn transpose(points: [&Affine; 8]) -> ([__m512i; 4], [__m512i; 4]) {
    // Words of neighbouring rows side by side, then the quarters in which
    // they are.
    let [a, b, c, d, e, f, g, h] = points;
    let (a, b, c, d) = (
        point_vector(a),
        point_vector(b),
        point_vector(c),
        point_vector(d),
    );
    let (e, f, g, h) = (
        point_vector(e),
        point_vector(f),
        point_vector(g),
        point_vector(h),
    );
    let (ab0, ab1) = (low_words(a, b), high_words(a, b));
    let (cd0, cd1) = (low_words(c, d), high_words(c, d));
    let (ef0, ef1) = (low_words(e, f), high_words(e, f));
    let (gh0, gh1) = (low_words(g, h), high_words(g, h));
    let (abcd0, efgh0) = (even(ab0, cd0), even(ef0, gh0));
    let (abcd1, efgh1) = (even(ab1, cd1), even(ef1, gh1));
    let (abcd2, efgh2) = (odd(ab0, cd0), odd(ef0, gh0));
    let (abcd3, efgh3) = (odd(ab1, cd1), odd(ef1, gh1));
    let x = [
        even(abcd0, efgh0),
        even(abcd1, efgh1),
        even(abcd2, efgh2),
        even(abcd3, efgh3),
    ];
    let y = [
        odd(abcd0, efgh0),
        odd(abcd1, efgh1),
        odd(abcd2, efgh2),
        odd(abcd3, efgh3),
    ];
    (x, y)
}
