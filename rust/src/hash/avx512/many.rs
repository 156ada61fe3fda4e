//! Blocks of sums, one sum a lane.
//!
//! As in [`super::super::portable`], rounds halve the number of points of each
//! sum and share an inversion, while they are large enough; then come
//! projective additions. A vector holds one point of each of eight sums.

use std::cell::Cell;
use std::thread::LocalKey;

use super::super::curve::Affine;
use super::super::field::limb_bytes;
use super::super::sum::Sum;
use super::few::point;
use super::lanes::Lanes;
use super::points::Affine8;
use super::vectors::prefetch;

/// Sums of a vector.
pub(super) const LANES: usize = 8;
/// Sums of a block: what the second-level cache holds.
const BLOCK: usize = 128;
/// Fewest additions (of eight points) that are worth an inversion.
const ROUND_MIN: usize = 16;
/// Additions that are done step by step together.
const GROUP: usize = 8;
/// Additions for which the table's points are asked for ahead.
const AHEAD: usize = 2;

/// Lanes of which each thread has a block's buffers. (A generic function has no statics of its own.)
pub(crate) trait Buffered: Lanes {
    /// Some hundred KiB, kept for the thread's next batch. Fresh pages from the
    /// system would cost as much as the sums of a small batch.
    fn buffers() -> &'static LocalKey<Cell<Block<Self>>>;
}

/// See [`super::super::backend::Backend::points`].
#[inline(always)]
pub(super) fn points<L: Buffered, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut Vec<Affine>,
) -> bool {
    let mut block = L::buffers().take();
    for sums in sums.chunks(BLOCK) {
        let Some(points) = block.add_up(rows, sums) else {
            return false;
        };
        for (points, sums) in points.iter().zip(sums.chunks(LANES)) {
            out.extend_from_slice(&points.store()[..sums.len()]);
        }
    }
    L::buffers().set(block);
    true
}

/// See [`super::super::backend::Backend::nodes`].
#[inline(always)]
pub(super) fn nodes<L: Buffered, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let mut block = L::buffers().take();
    for (sums, out) in sums.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let Some(points) = block.add_up(rows, sums) else {
            return false;
        };
        for (points, out) in points.iter().zip(out.chunks_mut(LANES)) {
            let x = points.x.integers().elements();
            for (out, x) in out.iter_mut().zip(&x) {
                *out = limb_bytes(x);
            }
        }
    }
    L::buffers().set(block);
    true
}

/// Many inversions in one. Values are pushed, then inverted, then popped
/// backwards.
///
/// Four products grow in turn, because each multiplication of one product
/// waits for the one before.
#[derive(Default)]
struct Inverter<L> {
    /// Set by [`Inverter::reset`].
    products: [L; 4],
    /// What each value's product was before the value; never shortened.
    before: Vec<L>,
    used: usize,
}

impl<L: Lanes> Inverter<L> {
    #[inline(always)]
    fn push(&mut self, value: &L) {
        let product = &mut self.products[self.used % 4];
        if self.used == self.before.len() {
            self.before.push(L::default());
        }
        self.before[self.used] = *product;
        *product = product.mul(value);
        self.used += 1;
    }

    /// Turns the products to their inverses; nothing if any value is zero.
    #[inline(always)]
    fn invert(&mut self) -> Option<()> {
        L::run(|| {
            let [a, b, c, d] = self.products;
            let (ab, cd) = (a.mul(&b), c.mul(&d));
            let inverse = ab.mul(&cd).invert()?;
            let (ab, cd) = (inverse.mul(&cd), inverse.mul(&ab));
            self.products = [ab.mul(&b), ab.mul(&a), cd.mul(&d), cd.mul(&c)];
            Some(())
        })
    }

    /// The inverse of the value that was pushed last, to `out`.
    #[inline(always)]
    fn pop(&mut self, value: &L, out: &mut L) -> Option<()> {
        self.used = self.used.checked_sub(1)?;
        let inverse = &mut self.products[self.used % 4];
        *out = inverse.mul(&self.before[self.used]);
        *inverse = inverse.mul(value);
        Some(())
    }

    /// Ready for the next values.
    #[inline(always)]
    fn reset(&mut self) {
        self.products = [L::one(); 4];
        self.used = 0;
    }
}

/// The buffers of a block, kept from one to the next.
#[derive(Default)]
pub(crate) struct Block<L: Lanes> {
    /// The points at place p of the v-th eight sums, at p·vectors + v.
    points: Vec<Affine8<L>>,
    inverter: Inverter<L>,
}

/// Where the points of a round are.
#[derive(Clone, Copy)]
struct Table<'a, const N: usize> {
    rows: &'a [Affine],
    sums: &'a [Sum<N>],
    vectors: usize,
}

impl<const N: usize> Table<'_, N> {
    /// The points that [`Block::points`] would hold at this index.
    #[inline(always)]
    fn load<L: Lanes>(&self, index: usize) -> Affine8<L> {
        Affine8::load(self.points(index))
    }

    #[inline(always)]
    fn points(&self, index: usize) -> [&Affine; LANES] {
        let (place, vector) = (index / self.vectors, index % self.vectors);
        // Lanes beyond the last sum repeat it.
        let last = self.sums.len() - 1;
        let mut points = [&self.sums[0].first; LANES];
        for (lane, slot) in points.iter_mut().enumerate() {
            let sum = &self.sums[(vector * LANES + lane).min(last)];
            *slot = point(self.rows, sum, place);
        }
        points
    }

    /// Has the points at this index brought to the cache.
    #[inline(always)]
    fn prefetch(&self, index: usize) {
        self.points(index).into_iter().for_each(prefetch);
    }
}

/// Adds b to a, with the inverses of the differences that were pushed last.
///
/// All of the group go through one step before the next, because each step
/// waits for the one before.
#[inline(always)]
fn add_group<L: Lanes>(
    inverter: &mut Inverter<L>,
    a: &mut [Affine8<L>],
    b: &[Affine8<L>],
) -> Option<()> {
    L::run(|| {
        let mut slopes = [L::default(); GROUP];
        let mut x = [L::default(); GROUP];
        for (slope, (a, b)) in slopes.iter_mut().zip(a.iter().zip(b)).rev() {
            inverter.pop(&b.x.sub::<2>(&a.x), slope)?;
        }
        for (slope, (a, b)) in slopes.iter_mut().zip(a.iter().zip(b)) {
            *slope = b.y.sub::<2>(&a.y).mul(slope);
        }
        for (x, (slope, (a, b))) in x.iter_mut().zip(slopes.iter().zip(a.iter().zip(b))) {
            *x = slope.square_sub::<4>(&a.x, &b.x).reduce();
        }
        for (a, (slope, x)) in a.iter_mut().zip(slopes.iter().zip(&x)) {
            a.y = slope.mul_sub::<2>(&a.x.sub::<2>(x), &a.y).reduce();
            a.x = *x;
        }
        Some(())
    })
}

impl<L: Lanes> Block<L> {
    /// The sums, eight a vector.
    #[inline(always)]
    fn add_up<const N: usize>(
        &mut self,
        rows: &[Affine],
        sums: &[Sum<N>],
    ) -> Option<&[Affine8<L>]> {
        let vectors = sums.len().div_ceil(LANES);
        let table = Table {
            rows,
            sums,
            vectors,
        };
        let mut width = N + 1;
        if width / 2 * vectors >= ROUND_MIN {
            width = self.first_round(&table)?;
        } else {
            let places = width * vectors;
            self.points
                .resize(places.max(self.points.len()), Affine8::default());
            for (index, point) in self.points[..places].iter_mut().enumerate() {
                *point = table.load(index);
            }
        }
        while width > 1 && width / 2 * vectors >= ROUND_MIN {
            width = self.round(width, vectors)?;
        }
        if width > 1 {
            self.add_projective(width, vectors)?;
        }
        Some(&self.points[..vectors])
    }

    /// Adds the table's points in pairs: the first half of the places to the
    /// second. Returns how many places are left.
    #[inline(always)]
    fn first_round<const N: usize>(&mut self, table: &Table<'_, N>) -> Option<usize> {
        let half = (N + 1).div_ceil(2);
        let (pairs, offset) = (N.div_ceil(2) * table.vectors, half * table.vectors);
        self.inverter.reset();
        for index in 0..pairs {
            let ahead = (index + AHEAD).min(pairs - 1);
            table.prefetch(ahead);
            table.prefetch(ahead + offset);
            let (a, b) = (table.load::<L>(index), table.load::<L>(index + offset));
            self.inverter.push(&b.x.sub::<2>(&a.x));
        }
        self.inverter.invert()?;
        self.points
            .resize(offset.max(self.points.len()), Affine8::default());
        for (i, point) in self.points[pairs..offset].iter_mut().enumerate() {
            *point = table.load(pairs + i);
        }
        let mut second = [Affine8::default(); GROUP];
        for start in (0..pairs).step_by(GROUP).rev() {
            let first = &mut self.points[start..pairs.min(start + GROUP)];
            for (i, (a, b)) in first.iter_mut().zip(&mut second).enumerate() {
                *a = table.load(start + i);
                *b = table.load(start + i + offset);
            }
            let second = &second[..first.len()];
            add_group(&mut self.inverter, first, second)?;
        }
        Some(half)
    }

    /// Adds the points in pairs, as the first round does.
    #[inline(always)]
    fn round(&mut self, width: usize, vectors: usize) -> Option<usize> {
        let half = width.div_ceil(2);
        let (first, second) = self.points.split_at_mut(half * vectors);
        let pairs = width / 2 * vectors;
        let (first, second) = (&mut first[..pairs], &second[..pairs]);
        self.inverter.reset();
        for (a, b) in first.iter().zip(second) {
            self.inverter.push(&b.x.sub::<2>(&a.x));
        }
        self.inverter.invert()?;
        let groups = first.chunks_mut(GROUP).zip(second.chunks(GROUP));
        for (a, b) in groups.rev() {
            add_group(&mut self.inverter, a, b)?;
        }
        Some(half)
    }

    /// Adds up what is left of each sum in projective coordinates.
    #[inline(always)]
    fn add_projective(&mut self, width: usize, vectors: usize) -> Option<()> {
        L::run(|| {
            let mut sums = Vec::with_capacity(vectors);
            let (first, rest) = self.points[..width * vectors].split_at(vectors);
            let (second, rest) = rest.split_at(vectors);
            for (a, b) in first.iter().zip(second) {
                sums.push(a.add_affine(b));
            }
            for points in rest.chunks_exact(vectors) {
                for (sum, point) in sums.iter_mut().zip(points) {
                    *sum = sum.add_affine(point);
                }
            }
            self.inverter.reset();
            for sum in &sums {
                self.inverter.push(&sum.zzz);
            }
            self.inverter.invert()?;
            let mut inverse = L::default();
            for (sum, out) in sums.iter().zip(&mut self.points).rev() {
                self.inverter.pop(&sum.zzz, &mut inverse)?;
                *out = sum.to_affine_given(&inverse);
            }
            Some(())
        })
    }
}
