//! Adding up sums, in the way that is fastest on this processor.

use super::curve::Affine;
use super::sum::Sum;
use super::{ifma, portable};

/// How the sums are calculated: a matter of speed only.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Plain 64-bit arithmetic.
    Portable,
    /// Eight lanes of 52-bit limbs; only where the processor has AVX-512 IFMA.
    Ifma,
}

impl Backend {
    /// The fastest one that this processor has.
    #[inline]
    pub fn best() -> Backend {
        if ifma::is_available() {
            Backend::Ifma
        } else {
            Backend::Portable
        }
    }

    /// The sums as points, in the form of this backend, which the rows are in. None if any sum met
    /// an exceptional case.
    pub(crate) fn points<const N: usize>(
        self,
        rows: &[Affine],
        sums: &[Sum<N>],
    ) -> Option<Vec<Affine>> {
        match self {
            Backend::Portable => portable::points(rows, sums),
            Backend::Ifma => ifma::points(rows, sums),
        }
    }

    /// The sums' x coordinates as canonical bytes. False if any sum met an exceptional case; then
    /// `out` is unspecified.
    #[must_use]
    pub(crate) fn nodes<const N: usize>(
        self,
        rows: &[Affine],
        sums: &[Sum<N>],
        out: &mut [[u8; 32]],
    ) -> bool {
        match self {
            Backend::Portable => portable::nodes(rows, sums, out),
            Backend::Ifma => ifma::nodes(rows, sums, out),
        }
    }
}
