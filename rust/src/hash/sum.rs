//! Every hash is a sum of points, most of them table entries.

use super::curve::Affine;
use super::message::Term;

/// `first` + Σ `rows[term]`.
#[derive(Clone, Copy)]
pub(crate) struct Sum<const N: usize> {
    pub(crate) first: Affine,
    pub(crate) terms: [Term; N],
}
