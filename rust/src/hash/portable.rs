//! Sums of points in plain 64-bit arithmetic.
//!
//! An affine addition takes an inversion and three multiplications. Sharing
//! the inversion among many (Montgomery's trick) costs three multiplications
//! for each: six in all, where a projective addition takes ten. One inversion
//! costs as much as some hundred multiplications, so a block of sums is added
//! up in rounds that halve the number of points of each sum, as long as a
//! round has enough additions; the few points that are then left are added in
//! projective coordinates, and the results share a last inversion.

use super::curve::{Affine, Projective};
use super::field::{Fp, limb_bytes};
use super::sum::Sum;

/// Fewest additions that are worth an inversion of their own.
const ROUND_MIN: usize = 24;
/// Sums that are added up together: more save little and leave the cache.
const BLOCK: usize = 64;

/// See [`super::sum::points`].
pub(crate) fn points<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Vec<Affine>> {
    let mut block = Block::default();
    let mut out = Vec::with_capacity(sums.len());
    for sums in sums.chunks(BLOCK) {
        out.extend_from_slice(block.add_up(rows, sums)?);
    }
    Some(out)
}

/// See [`super::sum::nodes`].
pub(crate) fn nodes<const N: usize>(
    rows: &[Affine],
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    let mut block = Block::default();
    for (sums, out) in sums.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let Some(points) = block.add_up(rows, sums) else {
            return false;
        };
        for (point, out) in points.iter().zip(out) {
            *out = limb_bytes(&point.x.to_integer());
        }
    }
    true
}

/// Inverts each value with one shared inversion; false if any is zero.
#[must_use]
pub(crate) fn invert_all(values: &mut [Fp]) -> bool {
    let mut products = Vec::with_capacity(values.len());
    let product = multiply_up(values.iter().copied(), &mut products);
    let Some(mut inverse) = product.invert() else {
        return false;
    };
    for (value, before) in values.iter_mut().zip(&products).rev() {
        let own = inverse.mul(before);
        inverse = inverse.mul(value);
        *value = own;
    }
    true
}

/// Appends the product of all values before each one; returns that of all.
fn multiply_up(values: impl Iterator<Item = Fp>, products: &mut Vec<Fp>) -> Fp {
    values.fold(Fp::ONE, |product, value| {
        products.push(product);
        product.mul(&value)
    })
}

/// The buffers of a block of sums, kept from one block to the next.
#[derive(Default)]
struct Block {
    /// The points of all sums, those of one sum next to each other.
    points: Vec<Affine>,
    products: Vec<Fp>,
    projective: Vec<Projective>,
}

impl Block {
    /// The sums, in order.
    fn add_up<const N: usize>(&mut self, rows: &[Affine], sums: &[Sum<N>]) -> Option<&[Affine]> {
        self.points.clear();
        for sum in sums {
            self.points.push(sum.first);
            self.points
                .extend(sum.terms.iter().map(|term| rows[usize::from(*term)]));
        }
        let mut width = N + 1;
        while width > 1 && width / 2 * sums.len() >= ROUND_MIN {
            width = self.halve(width)?;
        }
        if width > 1 {
            self.add_projective(width)?;
        }
        Some(&self.points)
    }

    /// Adds the points of each sum in pairs; returns how many are left of it.
    fn halve(&mut self, width: usize) -> Option<usize> {
        self.products.clear();
        let pairs = self
            .points
            .chunks_exact(width)
            .flat_map(|sum| sum.as_chunks::<2>().0);
        let denominators = pairs.map(|[a, b]| b.x.sub(&a.x));
        let mut inverse = multiply_up(denominators, &mut self.products).invert()?;

        // Backwards, as the shared inverse unwinds that way.
        let half = width.div_ceil(2);
        let count = self.points.len() / width;
        let mut products = self.products.iter().rev();
        let mut sums = vec![Affine::ZERO; half * count];
        for (from, to) in self
            .points
            .chunks_exact(width)
            .zip(sums.chunks_exact_mut(half))
            .rev()
        {
            if let (Some(last), [odd]) = (to.last_mut(), from.as_chunks::<2>().1) {
                *last = *odd;
            }
            for ([a, b], to) in from.as_chunks::<2>().0.iter().zip(to).rev() {
                let before = products.next()?;
                *to = a.add_given(b, &inverse.mul(before));
                inverse = inverse.mul(&b.x.sub(&a.x));
            }
        }
        self.points = sums;
        Some(half)
    }

    /// Adds up what is left of each sum in projective coordinates.
    fn add_projective(&mut self, width: usize) -> Option<()> {
        self.projective.clear();
        for sum in self.points.chunks_exact(width) {
            let [first, second, rest @ ..] = sum else {
                return None;
            };
            let start = first.add_affine(second);
            self.projective
                .push(rest.iter().fold(start, |sum, point| sum.add_affine(point)));
        }
        let mut inverses: Vec<Fp> = self.projective.iter().map(|sum| sum.zzz).collect();
        if !invert_all(&mut inverses) {
            return None;
        }
        self.points.clear();
        let affine = self.projective.iter().zip(&inverses);
        self.points
            .extend(affine.map(|(sum, inverse)| sum.to_affine_given(inverse)));
        Some(())
    }
}
