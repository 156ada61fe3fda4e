//! Every hash is a sum of points, most of them table entries.

use super::Backend;
use super::curve::Affine;
use super::message::Term;
use super::portable;
use super::tables::Tables;

/// `first` + Σ `rows[term]`.
#[derive(Clone, Copy)]
pub(crate) struct Sum<const N: usize> {
    pub(crate) first: Affine,
    pub(crate) terms: [Term; N],
}

/// The sums as points, in the form of the tables' backend. None if any sum met
/// an exceptional case.
pub(crate) fn points<const N: usize>(tables: &Tables, sums: &[Sum<N>]) -> Option<Vec<Affine>> {
    match tables.backend {
        Backend::Portable => portable::points(&tables.rows, sums),
        Backend::Ifma => super::ifma::points(&tables.rows, sums),
    }
}

/// The sums' x coordinates as canonical bytes. False if any sum met an
/// exceptional case; then `out` is unspecified.
#[must_use]
pub(crate) fn nodes<const N: usize>(
    tables: &Tables,
    sums: &[Sum<N>],
    out: &mut [[u8; 32]],
) -> bool {
    match tables.backend {
        Backend::Portable => portable::nodes(&tables.rows, sums, out),
        Backend::Ifma => super::ifma::nodes(&tables.rows, sums, out),
    }
}
