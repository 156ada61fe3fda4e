//! Blocks of sums, one sum a lane.
//!
//! As in [`super::super::portable`]: rounds that halve the number of points
//! of each sum and share an inversion, as long as they are large enough, then
//! projective additions. A vector holds eight sums' points of one place.

use std::cell::Cell;

use super::super::curve::Affine;
use super::super::field::limb_bytes;
use super::super::sum::Sum;
use super::few::point;
use super::lanes::Lanes;
use super::points::Affine8;

const LANES: usize = 8;
/// Sums of a block: what the second-level cache holds.
const BLOCK: usize = 64;
/// Fewest additions (of eight points) that are worth an inversion.
const ROUND_MIN: usize = 16;
/// Additions that are done step by step together.
const GROUP: usize = 4;

thread_local! {
    /// Some 200 KiB, kept for the thread's next batch: fresh pages from the
    /// system would cost as much as the sums of a small one.
    static BUFFERS: Cell<Block> = Cell::default();
}

/// See [`super::super::sum::points`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn points<const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut Vec<Affine>,
) -> bool {
    let mut block = BUFFERS.take();
    for sums in sums.chunks(BLOCK) {
        let Some(points) = block.add_up(rows, sums) else {
            return false;
        };
        for (points, sums) in points.iter().zip(sums.chunks(LANES)) {
            out.extend_from_slice(&points.store()[..sums.len()]);
        }
    }
    BUFFERS.set(block);
    true
}

/// See [`super::super::sum::nodes`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn nodes<const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let mut block = BUFFERS.take();
    for (sums, out) in sums.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let Some(points) = block.add_up(rows, sums) else {
            return false;
        };
        for (points, out) in points.iter().zip(out.chunks_mut(LANES)) {
            let x = points.x.to_integers().to_elements();
            for (out, x) in out.iter_mut().zip(&x) {
                *out = limb_bytes(x);
            }
        }
    }
    BUFFERS.set(block);
    true
}

/// Many inversions in one. Values are pushed, then inverted, then popped
/// backwards.
///
/// Four products grow in turn, because each multiplication of one product
/// waits for the one before.
#[derive(Default)]
struct Inverter {
    /// Set by [`Inverter::reset`].
    products: [Lanes; 4],
    /// What each value's product was before the value.
    before: Vec<Lanes>,
}

impl Inverter {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn push(&mut self, value: &Lanes) {
        let product = &mut self.products[self.before.len() % 4];
        self.before.push(*product);
        *product = product.mul(value);
    }

    /// Turns the products to their inverses; nothing if any value is zero.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn invert(&mut self) -> Option<()> {
        let [a, b, c, d] = self.products;
        let (ab, cd) = (a.mul(&b), c.mul(&d));
        let inverse = ab.mul(&cd).invert()?;
        let (ab, cd) = (inverse.mul(&cd), inverse.mul(&ab));
        self.products = [ab.mul(&b), ab.mul(&a), cd.mul(&d), cd.mul(&c)];
        Some(())
    }

    /// The inverse of the value that was pushed last.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn pop(&mut self, value: &Lanes) -> Option<Lanes> {
        let before = self.before.pop()?;
        let inverse = &mut self.products[self.before.len() % 4];
        let own = inverse.mul(&before);
        *inverse = inverse.mul(value);
        Some(own)
    }

    /// Ready for the next values.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn reset(&mut self) {
        self.products = [Lanes::one(); 4];
        self.before.clear();
    }
}

/// The buffers of a block, kept from one to the next.
#[derive(Default)]
struct Block {
    /// The points at place p of the v-th eight sums, at p·vectors + v.
    points: Vec<Affine8>,
    inverter: Inverter,
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
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn load(&self, index: usize) -> Affine8 {
        let (place, vector) = (index / self.vectors, index % self.vectors);
        // Lanes beyond the last sum repeat it.
        let last = self.sums.len() - 1;
        let mut points = [&self.sums[0].first; LANES];
        for (lane, slot) in points.iter_mut().enumerate() {
            let sum = &self.sums[(vector * LANES + lane).min(last)];
            *slot = point(self.rows, sum, place);
        }
        Affine8::load(points)
    }
}

/// Adds the points in pairs with the inverses that were pushed last.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_group(
    inverter: &mut Inverter,
    a: &[Affine8; GROUP],
    b: &[Affine8; GROUP],
) -> Option<[Affine8; GROUP]> {
    let mut inverses = [a[0].x; GROUP];
    for i in (0..GROUP).rev() {
        inverses[i] = inverter.pop(&b[i].x.sub::<2>(&a[i].x))?;
    }
    Some(Affine8::add_group_given(a, b, &inverses))
}

impl Block {
    /// The sums, eight a vector.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add_up<const N: usize>(&mut self, rows: &[Affine], sums: &[Sum<N>]) -> Option<&[Affine8]> {
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
            self.points.clear();
            for index in 0..width * vectors {
                self.points.push(table.load(index));
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
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn first_round<const N: usize>(&mut self, table: &Table<'_, N>) -> Option<usize> {
        let half = (N + 1).div_ceil(2);
        let (pairs, offset) = ((N + 1) / 2 * table.vectors, half * table.vectors);
        self.inverter.reset();
        for index in 0..pairs {
            let (a, b) = (table.load(index), table.load(index + offset));
            self.inverter.push(&b.x.sub::<2>(&a.x));
        }
        self.inverter.invert()?;
        let filler = table.load(0);
        self.points.resize(offset, filler);
        for index in pairs..offset {
            self.points[index] = table.load(index);
        }
        let whole = pairs - pairs % GROUP;
        for index in (whole..pairs).rev() {
            let (a, b) = (table.load(index), table.load(index + offset));
            let inverse = self.inverter.pop(&b.x.sub::<2>(&a.x))?;
            self.points[index] = a.add_given(&b, &inverse);
        }
        for index in (0..whole).step_by(GROUP).rev() {
            let mut a = [filler; GROUP];
            let mut b = [filler; GROUP];
            for i in 0..GROUP {
                a[i] = table.load(index + i);
                b[i] = table.load(index + i + offset);
            }
            let sums = add_group(&mut self.inverter, &a, &b)?;
            self.points[index..index + GROUP].copy_from_slice(&sums);
        }
        Some(half)
    }

    /// Adds the points in pairs, as the first round does.
    #[target_feature(enable = "avx512f,avx512ifma")]
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
        let (first, rest) = first.as_chunks_mut::<GROUP>();
        let (second, second_rest) = second.as_chunks::<GROUP>();
        for (a, b) in rest.iter_mut().zip(second_rest).rev() {
            let inverse = self.inverter.pop(&b.x.sub::<2>(&a.x))?;
            *a = a.add_given(b, &inverse);
        }
        for (a, b) in first.iter_mut().zip(second).rev() {
            *a = add_group(&mut self.inverter, a, b)?;
        }
        Some(half)
    }

    /// Adds up what is left of each sum in projective coordinates.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add_projective(&mut self, width: usize, vectors: usize) -> Option<()> {
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
        for (sum, out) in sums.iter().zip(&mut self.points).rev() {
            let inverse = self.inverter.pop(&sum.zzz)?;
            *out = sum.to_affine_given(&inverse);
        }
        Some(())
    }
}
