//! Sums of points with AVX-512 IFMA: eight field elements at a time.
//!
//! The instructions multiply 52-bit numbers and add the low or the high half
//! of the product, eight at once. A processor that has them starts one or two
//! in each cycle, so a field multiplication takes 2 or 3 nanoseconds.
//!
//! - [`lanes`]: the field, eight elements side by side.
//! - [`many`]: blocks of sums, one sum a lane, in affine rounds.
//! - [`few`]: one to four sums, several lanes for each, in projective
//!   coordinates.
//!
//! Beside `mulx` and `umulh` this is the only file of the hash with unsafe code. It calls functions
//! that need the processor's feature, and takes a vector for eight words and back.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod many;
#[cfg(target_arch = "x86_64")]
mod points;

pub(crate) use entry::{is_available, nodes, points};

use super::curve::Affine;
use super::field::Fp;

/// From the portable form, x·2^256, to the one used here, x·2^260.
pub(crate) fn convert(point: &mut Affine) {
    let sixteen = Fp::from_integer(&[16, 0, 0, 0]);
    point.x = point.x.mul(&sixteen);
    point.y = point.y.mul(&sixteen);
}

#[cfg(target_arch = "x86_64")]
mod entry {
    use super::super::curve::Affine;
    use super::super::sum::Sum;
    use super::{few, many};

    #[inline]
    pub(crate) fn is_available() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
    }

    /// See [`super::super::backend::Backend::points`].
    pub(crate) fn points<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Vec<Affine>> {
        assert!(is_available());
        let mut out = Vec::with_capacity(sums.len());
        let all = if sums.len() <= few::MAX {
            // SAFETY: the processor has the features, as just asserted.
            unsafe { few::points(rows, sums, &mut out) }
        } else {
            // SAFETY: as above.
            unsafe { many::points(rows, sums, &mut out) }
        };
        all.then_some(out)
    }

    /// See [`super::super::backend::Backend::nodes`].
    pub(crate) fn nodes<const N: usize>(
        rows: &[Affine],
        sums: &[Sum<N>],
        out: &mut [[u8; 32]],
    ) -> bool {
        assert!(is_available());
        if sums.len() <= few::MAX {
            // SAFETY: the processor has the features, as just asserted.
            unsafe { few::nodes(rows, sums, out) }
        } else {
            // SAFETY: as above.
            unsafe { many::nodes(rows, sums, out) }
        }
    }
}

/// Where there is no such instruction: never available, so never called.
#[cfg(not(target_arch = "x86_64"))]
mod entry {
    use super::super::curve::Affine;
    use super::super::sum::Sum;

    pub(crate) fn is_available() -> bool {
        false
    }

    pub(crate) fn points<const N: usize>(_: &[Affine], _: &[Sum<N>]) -> Option<Vec<Affine>> {
        None
    }

    pub(crate) fn nodes<const N: usize>(_: &[Affine], _: &[Sum<N>], _: &mut [[u8; 32]]) -> bool {
        false
    }
}

/// A vector of eight words.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn vector(words: [u64; 8]) -> std::arch::x86_64::__m512i {
    // SAFETY: both types are 64 bytes without padding, for which every
    // pattern of bits is a value.
    unsafe { std::mem::transmute(words) }
}

/// The eight words of a vector.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn words(vector: std::arch::x86_64::__m512i) -> [u64; 8] {
    // SAFETY: as in `vector`.
    unsafe { std::mem::transmute(vector) }
}

/// The point's eight words, x before y.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn point_vector(point: &Affine) -> std::arch::x86_64::__m512i {
    // SAFETY: `Affine` is `repr(C)`, two arrays of four words: 64 bytes
    // without padding, for which every pattern of bits is a vector's value.
    unsafe { std::mem::transmute(*point) }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::testing::{Random, edge_integers};
    use super::{is_available, lanes};

    #[test]
    fn the_lanes_calculate_as_the_portable_field_does() {
        if !is_available() {
            println!("skipped: no AVX-512 IFMA here");
            return;
        }
        let mut random = Random::new(9);
        let edges = edge_integers();
        let edges = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b)));
        let others: Vec<_> = (0..20_000)
            .map(|_| (random.integer(), random.integer()))
            .collect();
        for (a, b) in edges.chain(others) {
            // SAFETY: the processor has the features.
            unsafe { lanes::check(&a, &b) }
        }
        for _ in 0..1_000 {
            // SAFETY: as above.
            unsafe { lanes::check_lanes(&[(); 8].map(|()| random.integer())) }
        }
    }
}
