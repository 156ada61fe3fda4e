//! Sums of points with AVX-512: eight field elements at a time.
//!
//! There are two ways to multiply eight at once, by what the processor has:
//!
//! - [`limbs52`]: the instructions of AVX-512 IFMA multiply 52-bit numbers and add the low or the high
//!   half of the product.
//! - [`limbs29`]: those of AVX-512 alone multiply 32-bit numbers. It takes three times as many
//!   instructions, and yet far fewer than eight products of [`super::mulx`].
//!
//! All else is written once, over the trait [`lanes::Lanes`] that both have:
//!
//! - [`points`]: the curve, eight points side by side.
//! - [`many`]: blocks of sums, one sum a lane, in affine rounds.
//! - [`few`]: one to four sums, several lanes for each, in projective
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
mod points;
#[cfg(target_arch = "x86_64")]
mod vectors;

#[cfg(target_arch = "x86_64")]
pub(crate) use {limbs29::Limbs29, limbs52::Limbs52};

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
impl<L: lanes::Lanes> Way for L {
    const FORM: usize = L::FORM;

    #[inline]
    fn is_available() -> bool {
        L::is_available()
    }

    fn points<const N: usize>(rows: &[Affine], sums: &[Sum<N>]) -> Option<Vec<Affine>> {
        assert!(L::is_available());
        let mut out = Vec::with_capacity(sums.len());
        let all = if sums.len() <= few::MAX {
            L::run(|| few::points::<L, N>(rows, sums, &mut out))
        } else {
            L::run(|| many::points::<L, N>(rows, sums, &mut out))
        };
        all.then_some(out)
    }

    fn nodes<const N: usize>(rows: &[Affine], sums: &[Sum<N>], out: &mut [[u8; 32]]) -> bool {
        assert!(L::is_available());
        if sums.len() <= few::MAX {
            L::run(|| few::nodes::<L, N>(rows, sums, out))
        } else {
            L::run(|| many::nodes::<L, N>(rows, sums, out))
        }
    }
}

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
