//! Sums of points with AVX-512 IFMA.

use super::curve::Affine;
use super::sum::Sum;

pub(crate) fn is_available() -> bool {
    false
}
pub(crate) fn points<const N: usize>(_rows: &[Affine], _sums: &[Sum<N>]) -> Option<Vec<Affine>> {
    None
}
pub(crate) fn nodes<const N: usize>(
    _rows: &[Affine],
    _sums: &[Sum<N>],
    _out: &mut [[u8; 32]],
) -> bool {
    false
}
pub(crate) fn convert(_point: &mut Affine) {}
