//! Sums of points with AVX-512: eight field elements at a time.
//!
//! There are two ways to multiply eight at once, by what the processor has:
//!
//! - [`limbs52`]: the instructions of AVX-512 IFMA multiply 52-bit numbers and add the low or the high
//!   half of the product.
//! - [`limbs29`]: those of AVX-512 alone multiply 32-bit numbers. It takes more than twice as many
//!   instructions, and yet far fewer than eight products of [`super::mulx`].
//!
//! All else is written once, over the trait [`lanes::Lanes`] that both have:
//!
//! - [`points`]: the curve, eight points side by side.
//! - [`many`]: blocks of sums, one sum a lane, in affine rounds.
//! - [`few`]: one, two or four sums, several lanes for each, in projective
//!   coordinates.
//!
//! Beside `mulx` and `umulh` this folder is the only part of the hash with unsafe code: [`lanes`] calls
//! functions that need the processor's features, and [`vectors`] takes a vector for eight words and back.

#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod limbs29;
#[cfg(target_arch = "x86_64")]
mod limbs52;
#[cfg(target_arch = "x86_64")]
mod many;
#[cfg(target_arch = "x86_64")]
mod multiples;
#[cfg(target_arch = "x86_64")]
mod points;
#[cfg(target_arch = "x86_64")]
mod vectors;

#[cfg(target_arch = "x86_64")]
pub(crate) use {limbs29::Limbs29, limbs52::Limbs52};

#[cfg(target_arch = "x86_64")]
use std::{cell::Cell, thread::LocalKey};

use super::curve::Affine;
use super::field::Fp;
use super::sum::Sum;

/// One of the two ways.
pub(crate) trait Way {
    /// Elements are in Montgomery form x·2^FORM.
    const FORM: usize;

    /// Whether the processor has the instructions.
    fn is_available() -> bool;

    /// See [`super::backend::Backend::points`].
    fn points<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Vec<Affine>>;

    /// See [`super::backend::Backend::nodes`].
    fn nodes<const N: usize>(rows: &[Affine], sums: &[Sum<N>], out: &mut [[u8; 32]]) -> bool;
}

#[cfg(target_arch = "x86_64")]
impl<L: many::Buffered> Way for L {
    const FORM: usize = L::FORM;

    #[inline]
    fn is_available() -> bool {
        L::is_available()
    }

    fn points<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Vec<Affine>> {
        assert!(L::is_available());
        let mut out = Vec::with_capacity(sums.len());
        let blocks = in_blocks(sums.len());
        let all = (blocks == 0 || L::run(|| many::points::<L, N>(rows, &sums[..blocks], &mut out)))
            && few::parts(blocks..sums.len())
                .all(|part| L::run(|| few::points::<L, N>(rows, &sums[part], &mut out)));
        all.then_some(out)
    }

    fn nodes<const N: usize>(rows: &[Affine], sums: &[Sum<N>], out: &mut [[u8; 32]]) -> bool {
        assert!(L::is_available());
        let blocks = in_blocks(sums.len());
        let (first, out) = (&sums[..blocks], &mut out[..sums.len()]);
        (blocks == 0 || L::run(|| many::nodes::<L, N>(rows, first, &mut out[..blocks])))
            && few::parts(blocks..sums.len()).all(|part| {
                L::run(|| few::nodes::<L, N>(rows, &sums[part.clone()], &mut out[part]))
            })
    }
}

/// How many of the sums are added up in blocks. A vector that is not full takes as long as a full one.
/// So [`few`] adds up one to six that are left; seven would take longer there.
#[cfg(target_arch = "x86_64")]
fn in_blocks(sums: usize) -> usize {
    match sums % many::LANES {
        rest @ 1..=6 => sums - rest,
        _ => sums,
    }
}

/// The buffers of each thread, for each way.
#[cfg(target_arch = "x86_64")]
macro_rules! buffers {
    ($lanes:ident) => {
        impl many::Buffered for $lanes {
            fn buffers() -> &'static LocalKey<Cell<many::Block<$lanes>>> {
                thread_local! {
                    static BUFFERS: Cell<many::Block<$lanes>> = Cell::default();
                }
                &BUFFERS
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
buffers!(Limbs29);
#[cfg(target_arch = "x86_64")]
buffers!(Limbs52);

/// From the portable form, x·2^256, to that of the lanes.
pub(crate) fn convert<W: Way>(point: &mut Affine) {
    let factor = Fp::from_integer(&[1 << (W::FORM - 256), 0, 0, 0]);
    point.x = point.x.mul(&factor);
    point.y = point.y.mul(&factor);
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere::{Elsewhere as Limbs29, Elsewhere as Limbs52};

/// Where there are no such instructions: never available, so never called.
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    use super::super::curve::Affine;
    use super::super::sum::Sum;

    pub(crate) struct Elsewhere;

    impl super::Way for Elsewhere {
        const FORM: usize = 256;

        fn is_available() -> bool {
            false
        }

        fn points<const N: usize>(_: &[Affine], _: &[Sum<N>]) -> Option<Vec<Affine>> {
            None
        }

        fn nodes<const N: usize>(_: &[Affine], _: &[Sum<N>], _: &mut [[u8; 32]]) -> bool {
            false
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::field::power_of_two;
    use super::super::testing::Random;
    use super::lanes::Lanes;
    use super::*;

    /// a + N·p.
    fn more<L: Lanes, const N: u64>(a: &L) -> L {
        a.sub_twice::<N>(&L::default(), &L::default())
    }

    /// Every operation against the portable field, on operands as far above p as
    /// they may be.
    fn check<L: Lanes>(a: &[u64; 4], b: &[u64; 4]) {
        let (x, y) = (Fp::from_integer(a), Fp::from_integer(b));
        let divisor = Fp::from_integer(&power_of_two(L::FORM)).invert().unwrap();
        let zero = L::default();
        let same = |lanes: L, expected: Fp| {
            assert_eq!(
                lanes.elements(),
                [expected.to_integer(); 8],
                "{a:x?} {b:x?}"
            );
            assert_eq!(lanes.first(), expected.to_integer());
        };
        // A difference, which is only to be multiplied.
        let same_times_one = |lanes: L, expected| same(lanes.mul(&L::one()), expected);
        let (a, b) = (L::splat(a), L::splat(b));
        let product = x.mul(&y).mul(&divisor);
        let square = x.square().mul(&divisor);
        same(a.mul(&b), product);
        // Six and eight times p more: 7p·9p.
        let (a7, b9) = (a.sub::<6>(&zero), b.sub::<8>(&zero));
        same(a7.mul(&b9), product);
        same(a7.square(), square);
        same(
            a.sub::<3>(&zero).mul_add(&b9, &more::<L, 2>(&b), &b9),
            product.add(&y.square().mul(&divisor)),
        );
        // Sums of 2p and 2p or 4p, as in the formulas.
        let (a2, b2) = (more::<L, 1>(&a), more::<L, 1>(&b));
        same_times_one(a2.sub::<2>(&b2), x.sub(&y));
        same(
            a2.sub_twice::<6>(&b2, &a2).reduce(),
            x.sub(&y).sub(&x.double()),
        );
        same_times_one(a2.negate::<2>(), Fp::ZERO.sub(&x));
        same(a2.mul_sub::<2>(&b2, &b2).reduce(), product.sub(&y));
        same(
            a2.square_sub::<4>(&a2, &b2).reduce(),
            square.sub(&x).sub(&y),
        );
        same(
            a2.square_sub_twice::<6>(&a2, &b2).reduce(),
            square.sub(&x).sub(&y.double()),
        );
        same(a.reduce(), x);
        same(a2.reduce(), x);
        same(more::<L, 2>(&a).reduce(), x);
        same(more::<L, 3>(&a).reduce(), x);
        same(more::<L, 4>(&a).reduce(), x);
        same(more::<L, 6>(&a).reduce(), x);
        let inverse = a.invert();
        assert_eq!(inverse.is_some(), x != Fp::ZERO);
        if let Some(inverse) = inverse {
            same(inverse.mul(&a), Fp::from_integer(&power_of_two(L::FORM)));
        }
    }

    /// Lanes do not mix: eight different elements, inverted together.
    fn check_lanes<L: Lanes>(elements: &[[u64; 4]; 8]) {
        let points = elements.map(|x| Affine {
            x: Fp(x),
            y: Fp::ZERO,
        });
        let [a, b, c, d, e, f, g, h] = &points;
        let (lanes, _) = L::load([a, b, c, d, e, f, g, h]);
        assert_eq!(lanes.elements(), *elements);
        let ones = lanes.invert().unwrap().mul(&lanes);
        assert_eq!(ones.elements(), [power_of_two(L::FORM); 8]);
        let swapped = lanes.swap(5).elements();
        assert!((0..8).all(|lane| swapped[lane] == elements[lane ^ 5]));
        let blended = lanes.blend(0b101, &ones).elements();
        assert!((0..8).all(|lane| (blended[lane] == elements[lane]) == (0b101 >> lane & 1 == 0)));
    }

    fn check_all<L: Lanes>() {
        if !L::is_available() {
            println!(
                "skipped: the processor has not what {} needs",
                std::any::type_name::<L>()
            );
            return;
        }
        let mut random = Random::new(9);
        for (a, b) in random.integer_pairs() {
            check::<L>(&a, &b);
        }
        for _ in 0..1_000 {
            check_lanes::<L>(&[(); 8].map(|()| random.integer()));
        }
    }

    #[test]
    fn lanes_calculate_as_the_portable_field_does() {
        check_all::<Limbs52>();
        check_all::<Limbs29>();
    }
}
