//! Sums of points in 64-bit arithmetic, with either way to multiply.
//!
//! An affine addition takes an inversion and three multiplications. If many
//! additions share the inversion (Montgomery's trick), that costs each of them
//! three multiplications more: six in all. A projective addition takes ten.
//!
//! One inversion costs as much as some hundred multiplications. So a block of
//! sums is added up in rounds, each of which halves the number of points of
//! each sum, while a round has enough additions. The few points that are left
//! are added in projective coordinates, and the results share a last inversion.

use std::cell::Cell;

use super::curve::{Affine, Projective};
use super::field::{Fp, Multiply, limb_bytes};
use super::sum::Sum;

/// Fewest additions that are worth an inversion of their own.
const ROUND_MIN: usize = 24;
/// Sums that are added up together: more save little and leave the cache.
const BLOCK: usize = 64;
/// Additions that are done step by step together.
const GROUP: usize = 4;

thread_local! {
    /// Some 200 KiB, kept for the thread's next batch. Fresh pages from the
    /// system would cost as much as the sums of a small batch.
    static BUFFERS: Cell<Block> = Cell::default();
}

/// See [`super::backend::Backend::points`].
pub(crate) fn points<M: Multiply, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
) -> Option<Vec<Affine>> {
    let mut block = BUFFERS.take();
    let mut out = Vec::with_capacity(sums.len());
    for sums in sums.chunks(BLOCK) {
        out.extend_from_slice(block.add_up::<M, N>(rows, sums)?);
    }
    BUFFERS.set(block);
    Some(out)
}

/// See [`super::backend::Backend::nodes`].
pub(crate) fn nodes<M: Multiply, const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let mut block = BUFFERS.take();
    for (sums, out) in sums.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let Some(points) = block.add_up::<M, N>(rows, sums) else {
            return false;
        };
        for (point, out) in points.iter().zip(out) {
            *out = limb_bytes(&point.x.to_integer());
        }
    }
    BUFFERS.set(block);
    true
}

/// Inverts each value with one shared inversion; false if any is zero.
#[must_use]
pub(crate) fn invert_all<M: Multiply>(values: &mut [Fp]) -> bool {
    let mut inverter = Inverter::default();
    for value in values.iter() {
        inverter.push::<M>(value);
    }
    if inverter.invert::<M>().is_none() {
        return false;
    }
    for value in values.iter_mut().rev() {
        *value = inverter.pop::<M>(value);
    }
    true
}

/// Many inversions in one. Values are pushed, then inverted, then popped
/// backwards.
///
/// Four products grow in turn, because each multiplication of one product
/// waits for the one before.
#[derive(Default)]
struct Inverter {
    products: [Fp; 4],
    /// What each value's product was before the value.
    before: Vec<Fp>,
}

impl Inverter {
    #[inline(always)]
    fn push<M: Multiply>(&mut self, value: &Fp) {
        let at = self.before.len();
        let product = &mut self.products[at % 4];
        if at < 4 {
            *product = Fp::ONE;
        }
        self.before.push(*product);
        *product = M::near(product, value);
    }

    /// Turns the products to their inverses; nothing if any value is zero.
    fn invert<M: Multiply>(&mut self) -> Option<()> {
        let used = self.before.len().min(4);
        let product = |values: &[Fp]| {
            values
                .iter()
                .fold(Fp::ONE, |all, value| M::mul(&all, value))
        };
        let inverse = product(&self.products[..used]).invert()?;
        let products = self.products;
        for i in 0..used {
            let (left, right) = (product(&products[..i]), product(&products[i + 1..used]));
            self.products[i] = M::mul(&M::mul(&inverse, &left), &right);
        }
        Some(())
    }

    /// The inverse of the value that was pushed last.
    ///
    /// # Panics
    ///
    /// If more values are popped than were pushed.
    #[inline(always)]
    fn pop<M: Multiply>(&mut self, value: &Fp) -> Fp {
        let before = self.before.pop().expect("as many pops as pushes");
        let inverse = &mut self.products[self.before.len() % 4];
        let own = M::mul(inverse, &before);
        *inverse = M::near(inverse, value);
        own
    }
}

/// Adds b to a, with the inverses of the differences that were pushed last.
///
/// All of the group go through one step before the next, because each step
/// waits for the one before.
#[inline(always)]
fn add_group<M: Multiply>(inverter: &mut Inverter, a: &mut [Affine], b: &[Affine]) {
    let mut slopes = [Fp::ZERO; GROUP];
    for (slope, (a, b)) in slopes.iter_mut().zip(a.iter().zip(b)).rev() {
        *slope = inverter.pop::<M>(&M::minus(&b.x, &a.x));
    }
    for (slope, (a, b)) in slopes.iter_mut().zip(a.iter().zip(b)) {
        *slope = M::near(slope, &M::minus(&b.y, &a.y));
    }
    for (slope, (a, b)) in slopes.iter().zip(a.iter_mut().zip(b)) {
        *a = a.third_on_line::<M>(slope, &b.x);
    }
}

/// The buffers of a block of sums, kept from one block to the next.
#[derive(Default)]
struct Block {
    /// The points at place p of sum s, at p·sums + s.
    points: Vec<Affine>,
    inverter: Inverter,
    projective: Vec<Projective>,
}

impl Block {
    /// The sums, in order.
    fn add_up<M: Multiply, const N: usize>(
        &mut self,
        rows: &[Affine],
        sums: &[Sum<N>],
    ) -> Option<&[Affine]> {
        let count = sums.len();
        self.points.clear();
        self.points.extend(sums.iter().map(|sum| sum.first));
        for place in 0..N {
            let points = sums.iter().map(|sum| rows[usize::from(sum.terms[place])]);
            self.points.extend(points);
        }
        let mut width = N + 1;
        while width > 1 && width / 2 * count >= ROUND_MIN {
            width = self.round::<M>(width, count)?;
        }
        if width > 1 {
            self.add_projective::<M>(width, count)?;
        }
        Some(&self.points[..count])
    }

    /// Adds the points in pairs: the second half of the places to the first.
    /// Returns how many places are left.
    fn round<M: Multiply>(&mut self, width: usize, count: usize) -> Option<usize> {
        let half = width.div_ceil(2);
        let pairs = width / 2 * count;
        let (first, second) = self.points.split_at_mut(half * count);
        let (first, second) = (&mut first[..pairs], &second[..pairs]);
        self.inverter.before.clear();
        for (a, b) in first.iter().zip(second) {
            self.inverter.push::<M>(&M::minus(&b.x, &a.x));
        }
        self.inverter.invert::<M>()?;
        let groups = first.chunks_mut(GROUP).zip(second.chunks(GROUP));
        for (a, b) in groups.rev() {
            add_group::<M>(&mut self.inverter, a, b);
        }
        Some(half)
    }

    /// Adds up what is left of each sum in projective coordinates.
    fn add_projective<M: Multiply>(&mut self, width: usize, count: usize) -> Option<()> {
        let (first, rest) = self.points[..width * count].split_at(count);
        let (second, rest) = rest.split_at(count);
        let pairs = first.iter().zip(second);
        self.projective.clear();
        self.projective
            .extend(pairs.map(|(a, b)| a.add_affine::<M>(b)));
        for points in rest.chunks_exact(count) {
            for (sum, point) in self.projective.iter_mut().zip(points) {
                *sum = sum.add_affine::<M>(point);
            }
        }
        let mut inverses: Vec<Fp> = self.projective.iter().map(|sum| sum.zzz).collect();
        if !invert_all::<M>(&mut inverses) {
            return None;
        }
        let affine = self.projective.iter().zip(&inverses);
        for (out, (sum, inverse)) in self.points.iter_mut().zip(affine) {
            *out = sum.to_affine_given::<M>(inverse);
        }
        Some(())
    }
}
