//! One to four sums, several lanes for each.
//!
//! Each lane adds up its share of a sum's points in projective coordinates.
//! Then the lanes of a sum are added to each other. All of that takes one
//! inversion. A walk up the tree, in which every hash waits for the one below,
//! spends its time here.

use super::super::curve::Affine;
use super::super::field::limb_bytes;
use super::super::sum::Sum;
use super::lanes::quotient;
use super::points::{Affine8, Projective8};

/// Sums that are fewer lanes than there are.
pub(super) const MAX: usize = 4;
const LANES: usize = 8;

/// Lanes of each sum.
fn share(sums: usize) -> usize {
    LANES / sums.next_power_of_two()
}

/// Point `at` of the sum, of N + 1.
#[inline(always)]
pub(super) fn point<'a, const N: usize>(
    rows: &'a [Affine],
    sum: &'a Sum<N>,
    at: usize,
) -> &'a Affine {
    match at {
        0 => &sum.first,
        _ => &rows[usize::from(sum.terms[at - 1])],
    }
}

/// Point number `step` of each lane: lanes take turns in their sum's points.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn load<const N: usize>(rows: &[Affine], sums: &[Sum<N>], step: usize) -> Affine8 {
    let share = share(sums.len());
    let mut points = [&sums[0].first; LANES];
    for (lane, slot) in points.iter_mut().enumerate() {
        let sum = &sums[(lane / share).min(sums.len() - 1)];
        // A lane that has no more points repeats its first: see `add_up`.
        let at = step * share + lane % share;
        *slot = point(rows, sum, if at <= N { at } else { lane % share });
    }
    Affine8::load(points)
}

/// The sums of each lane's share of the points.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_shares<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Projective8 {
    let share = share(sums.len());
    let (steps, rest) = ((N + 1) / share, (N + 1) % share);
    let mut sum = load(rows, sums, 0).add_affine(&load(rows, sums, 1));
    let mut next = 2;
    if steps >= 2 * next {
        // Two sums side by side: an addition waits for the one before.
        let mut second = load(rows, sums, 2).add_affine(&load(rows, sums, 3));
        next = 4;
        while next + 2 <= steps {
            sum = sum.add_affine(&load(rows, sums, next));
            second = second.add_affine(&load(rows, sums, next + 1));
            next += 2;
        }
        sum = sum.add(&second);
    }
    for step in next..steps {
        sum = sum.add_affine(&load(rows, sums, step));
    }
    if rest > 0 {
        let more = sum.add_affine(&load(rows, sums, steps));
        let lanes = (0..LANES).filter(|lane| lane % share < rest);
        sum = sum.blend(lanes.fold(0, |mask, lane| mask | 1 << lane), &more);
    }
    sum
}

/// See [`super::super::backend::Backend::nodes`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn nodes<const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let [out] = out else {
        let share = share(sums.len());
        let Some(points) = affine(rows, sums) else {
            return false;
        };
        let x = points.x.to_integers().to_elements();
        for (out, x) in out.iter_mut().zip(x.iter().step_by(share)) {
            *out = limb_bytes(x);
        }
        return true;
    };
    let sum = add_shares(rows, sums).fold(4).fold(2);
    let (x, zz) = sum.fold_x(1);
    let Some(x) = quotient(&x.first(), &zz.first()) else {
        return false;
    };
    *out = limb_bytes(&x);
    true
}

/// See [`super::super::backend::Backend::points`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn points<const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut Vec<Affine>,
) -> bool {
    if sums.is_empty() {
        return true;
    }
    let Some(points) = affine(rows, sums) else {
        return false;
    };
    let firsts = points.store().into_iter().step_by(share(sums.len()));
    out.extend(firsts.take(sums.len()));
    true
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn affine<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Affine8> {
    let mut sum = add_shares(rows, sums);
    let mut distance = share(sums.len()) / 2;
    while distance > 0 {
        sum = sum.fold(distance as u64);
        distance /= 2;
    }
    let inverse = sum.zzz.invert()?;
    Some(sum.to_affine_given(&inverse))
}
