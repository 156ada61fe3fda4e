//! Adding up sums, in the way that is fastest on this processor.

use std::fmt;

use super::avx512::{Limbs29, Limbs52, Way};
use super::curve::Affine;
use super::field::Plain;
use super::mulx::{self, Mulx};
use super::portable;
use super::sum::Sum;
use super::umulh::{self, Umulh};

/// The paths of the hash: how its sums are calculated. All give the same bytes, so a path is a matter
/// of speed alone, and nobody has to choose: every hash takes the [best](Backend::best) one.
///
/// ```
/// use kvshard::hash::Backend;
///
/// println!("kvshard hashes by {}", Backend::best()); // say so in a report
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Plain 64-bit arithmetic.
    Portable,
    /// The same, with the field's products in assembly; only where the processor has BMI2 and ADX.
    Mulx,
    /// The same on arm64, with all of the field in assembly.
    Umulh,
    /// Eight lanes of 29-bit limbs; only where the processor has AVX-512.
    Avx512,
    /// Eight lanes of 52-bit limbs; only where the processor has AVX-512 IFMA.
    Ifma,
}

/// The one that a library for tests has, whatever the processor has.
const FIXED: Option<Backend> = if cfg!(feature = "test-path-portable") {
    Some(Backend::Portable)
} else if cfg!(feature = "test-path-mulx") {
    Some(Backend::Mulx)
} else if cfg!(feature = "test-path-umulh") {
    Some(Backend::Umulh)
} else if cfg!(feature = "test-path-avx512") {
    Some(Backend::Avx512)
} else if cfg!(feature = "test-path-ifma") {
    Some(Backend::Ifma)
} else {
    None
};

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Backend {
    /// All of them, the fastest first.
    const ALL: [Backend; 5] = [
        Backend::Ifma,
        Backend::Avx512,
        Backend::Mulx,
        Backend::Umulh,
        Backend::Portable,
    ];

    /// The fastest one that this processor has: the one that every hash takes. It is found at run time
    /// and never changes within a process. Costs a few loads.
    ///
    /// # Panics
    ///
    /// If a feature for tests asks for one that it has not.
    #[inline]
    pub fn best() -> Backend {
        if let Some(fixed) = FIXED {
            crate::mark_for_tests();
            assert!(fixed.is_available(), "no {} here", fixed.name());
            return fixed;
        }
        if Backend::Ifma.is_available() {
            Backend::Ifma
        } else if Backend::Avx512.is_available() {
            Backend::Avx512
        } else if Backend::Mulx.is_available() {
            Backend::Mulx
        } else if Backend::Umulh.is_available() {
            Backend::Umulh
        } else {
            Backend::Portable
        }
    }

    /// Those that this processor has, the fastest first.
    pub fn available() -> impl Iterator<Item = Backend> {
        Backend::ALL.into_iter().filter(|each| each.is_available())
    }

    /// The name that the feature for its tests ends in.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Portable => "portable",
            Backend::Mulx => "mulx",
            Backend::Umulh => "umulh",
            Backend::Avx512 => "avx512",
            Backend::Ifma => "ifma",
        }
    }

    #[inline]
    fn is_available(self) -> bool {
        match self {
            Backend::Portable => true,
            Backend::Mulx => mulx::is_available(),
            Backend::Umulh => umulh::is_available(),
            Backend::Avx512 => Limbs29::is_available(),
            Backend::Ifma => Limbs52::is_available(),
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
            Backend::Portable => portable::points::<Plain, N>(rows, sums),
            Backend::Mulx => {
                assert!(mulx::is_available());
                portable::points::<Mulx, N>(rows, sums)
            }
            Backend::Umulh => {
                assert!(umulh::is_available());
                portable::points::<Umulh, N>(rows, sums)
            }
            Backend::Avx512 => Limbs29::points(rows, sums),
            Backend::Ifma => Limbs52::points(rows, sums),
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
            Backend::Portable => portable::nodes::<Plain, N>(rows, sums, out),
            Backend::Mulx => {
                assert!(mulx::is_available());
                portable::nodes::<Mulx, N>(rows, sums, out)
            }
            Backend::Umulh => {
                assert!(umulh::is_available());
                portable::nodes::<Umulh, N>(rows, sums, out)
            }
            Backend::Avx512 => Limbs29::nodes(rows, sums, out),
            Backend::Ifma => Limbs52::nodes(rows, sums, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_fastest_here_unless_a_feature_fixes_it() {
        let fastest = Backend::available().next();
        assert_eq!(Some(Backend::best()), FIXED.or(fastest));
        assert_eq!(Backend::available().last(), Some(Backend::Portable));
    }
}
