//! One, two or four sums, several lanes for each.
//!
//! Each lane adds up its share of a sum's points in projective coordinates.
//! Then the lanes of a sum are added to each other. All of that takes one
//! inversion. A walk up the tree, in which every hash waits for the one below,
//! spends its time here.

use std::ops::Range;

use super::super::curve::Affine;
use super::super::field::limb_bytes;
use super::super::invert::divide_integers;
use super::super::sum::Sum;
use super::lanes::Lanes;
use super::points::{Affine8, Folded, Projective8};

const LANES: usize = 8;

/// Ranges of four, two and one of these sums, fewer than eight. With three sums, two lanes would be
/// idle.
pub(super) fn parts(sums: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (mut at, count) = (sums.start, sums.len());
    let sizes = [4, 2, 1].into_iter().filter(move |size| count & size != 0);
    sizes.map(move |size| {
        at += size;
        at - size..at
    })
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

/// Points from `at` on, one for each lane of a sum. Lane i belongs to sum i % sums.len().
#[inline(always)]
fn load<L: Lanes, const N: usize>(rows: &[Affine], sums: &[Sum<N>], at: usize) -> Affine8<L> {
    let count = sums.len();
    let mut points = [&sums[0].first; LANES];
    for (lane, slot) in points.iter_mut().enumerate() {
        // Only of the last points, lanes may have none: see `add_rest`.
        *slot = point(rows, &sums[lane % count], (at + lane / count).min(N));
    }
    Affine8::load(points)
}

/// The sums of each lane's share of the points, as many for all lanes. Returns how many of a sum's points that are.
#[inline(always)]
fn add_shares<L: Lanes, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
) -> (Projective8<L>, usize) {
    let share = LANES / sums.len();
    let steps = (N + 1) / share;
    let load = |step| load(rows, sums, step * share);
    let mut sum = load(0).add_affine(&load(1));
    let mut next = 2;
    if steps >= 2 * next {
        // Two sums side by side: an addition waits for the one before.
        let mut second = load(2).add_affine(&load(3));
        next = 4;
        while next + 2 <= steps {
            sum = sum.add_affine(&load(next));
            second = second.add_affine(&load(next + 1));
            next += 2;
        }
        sum = sum.add(&second);
    }
    for step in next..steps {
        sum = sum.add_affine(&load(step));
    }
    (sum, steps * share)
}

/// Adds the points from `at` on to the four lanes.
#[inline(always)]
fn add_rest<L: Lanes, const N: usize>(
    mut sum: Folded<L>,
    rows: &[Affine],
    sums: &[Sum<N>],
    at: usize,
) -> Folded<L> {
    for at in (at..=N).step_by(4 / sums.len()) {
        let more = sum.add_affine(&load(rows, sums, at));
        let lanes = ((N + 1 - at) * sums.len()).min(4);
        sum = sum.blend((1 << lanes) - 1, &more);
    }
    sum
}

/// The sums in four lanes.
#[inline(always)]
fn add_up<L: Lanes, const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Folded<L> {
    let (sum, at) = add_shares::<L, N>(rows, sums);
    add_rest(sum.fold(), rows, sums, at)
}

/// See [`super::super::backend::Backend::nodes`].
#[inline(always)]
pub(super) fn nodes<L: Lanes, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let [out] = out else {
        let Some(points) = affine::<L, N>(rows, sums) else {
            return false;
        };
        let x = points.x.integers().elements();
        for (out, x) in out.iter_mut().zip(&x) {
            *out = limb_bytes(x);
        }
        return true;
    };
    let (x, zz) = add_up::<L, N>(rows, sums).fold(2).fold_x();
    // The factor of the Montgomery form cancels out.
    let Some(x) = divide_integers(&x.first(), &zz.first()) else {
        return false;
    };
    *out = limb_bytes(&x);
    true
}

/// See [`super::super::backend::Backend::points`].
#[inline(always)]
pub(super) fn points<L: Lanes, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut Vec<Affine>,
) -> bool {
    let Some(points) = affine::<L, N>(rows, sums) else {
        return false;
    };
    out.extend_from_slice(&points.store()[..sums.len()]);
    true
}

#[inline(always)]
fn affine<L: Lanes, const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Affine8<L>> {
    let mut sum = add_up::<L, N>(rows, sums);
    for distance in [2, 1] {
        if distance >= sums.len() {
            sum = sum.fold(distance as u64);
        }
    }
    let sum = sum.unfold();
    let inverse = sum.zzz.invert()?;
    Some(sum.to_affine_given(&inverse))
}
