//! The tables of weighted generators.
//!
//! Sinsemilla takes a step acc ← 2·acc + S\[word\] for each of the 52 words,
//! from acc = Q. All steps together:
//!
//! ```text
//! 2^52·Q + Σ 2^(51-i)·S[word_i]
//! ```
//!
//! Row r holds 2^(50-r)·S[0..1024] for word r + 1: each row is twice the next
//! one, and the last is S itself. 51 rows of 1024 points of 64 bytes are 3.2
//! MiB. Word 0 is the level, so its entry and Q's share make one start point
//! for each level.
//!
//! The tables are built on first use: about 53,000 doublings, with eight
//! multiplications each, because a row shares one inversion.

use std::sync::OnceLock;

use group::ff::PrimeField;
use group::{Curve, Group};
use pasta_curves::arithmetic::{CurveAffine, CurveExt};
use pasta_curves::pallas;
use sinsemilla::{Q_PERSONALIZATION, SINSEMILLA_S};

use super::avx512::{self, Limbs29, Limbs52};
use super::backend::Backend;
use super::curve::Affine;
use super::field::{Fp, Plain, limb_bytes, limbs};
use super::message::{self, GENERATORS, WORDS};
use super::portable::invert_all;
use super::sum::Sum;

/// The domain of `MerkleCRH^Orchard` (protocol specification, 5.4.1.3).
const DOMAIN: &str = "z.cash:Orchard-MerkleCRH";
/// The uncommitted leaf is the field element 2 (protocol specification, 5.3).
const EMPTY_LEAF: [u64; 4] = [2, 0, 0, 0];
/// Height of the tree.
const DEPTH: usize = 32;
/// Every value of a `Level`, so that the hash is total.
const LEVELS: usize = 256;

const CONSTANT: &str = "the generators are constants, and no exceptional case is among their sums";

/// Everything precomputed for one backend, in the form that it calculates in.
pub(crate) struct Tables {
    pub(crate) backend: Backend,
    /// 51 rows of 1024 points, one after the other.
    pub(crate) rows: Vec<Affine>,
    /// 2^52·Q + 2^51·S\[level\].
    start: Vec<Affine>,
    /// The start point and all words that an empty right sibling fills alone.
    empty_right: Vec<Affine>,
    /// The root of the empty subtree of each height.
    empty_roots: Vec<[u8; 32]>,
}

impl Tables {
    /// The tables of the backend. The first call builds them.
    pub(crate) fn get(backend: Backend) -> &'static Tables {
        static PORTABLE: OnceLock<Tables> = OnceLock::new();
        static MULX: OnceLock<Tables> = OnceLock::new();
        static UMULH: OnceLock<Tables> = OnceLock::new();
        static AVX512: OnceLock<Tables> = OnceLock::new();
        static IFMA: OnceLock<Tables> = OnceLock::new();
        let cell = match backend {
            Backend::Portable => &PORTABLE,
            Backend::Mulx => &MULX,
            Backend::Umulh => &UMULH,
            Backend::Avx512 => &AVX512,
            Backend::Ifma => &IFMA,
        };
        cell.get_or_init(|| Tables::build(backend))
    }

    pub(crate) fn build(backend: Backend) -> Tables {
        let (mut rows, mut start) = weighted_generators();
        let points = rows.iter_mut().chain(&mut start);
        match backend {
            Backend::Avx512 => points.for_each(avx512::convert::<Limbs29>),
            Backend::Ifma => points.for_each(avx512::convert::<Limbs52>),
            Backend::Portable | Backend::Mulx | Backend::Umulh => {}
        }
        let mut tables = Tables {
            backend,
            rows,
            start,
            empty_right: Vec::new(),
            empty_roots: Vec::new(),
        };
        tables.add_empty_subtrees();
        tables
    }

    fn add_empty_subtrees(&mut self) {
        let mut root = limb_bytes(&EMPTY_LEAF);
        for level in 0..=DEPTH {
            self.empty_roots.push(root);
            let bits = message::bits(&root);
            let right = Sum {
                first: self.start[level],
                terms: message::right_half(&bits),
            };
            let both = Sum {
                first: self.start[level],
                terms: message::whole(&bits, &bits),
            };
            self.empty_right
                .extend(self.points(&[right]).expect(CONSTANT));
            let mut above = [[0; 32]];
            assert!(self.nodes(&[both], &mut above), "{CONSTANT}");
            [root] = above;
        }
    }

    /// See [`Backend::points`].
    pub(crate) fn points<const N: usize>(&self, sums: &[Sum<N>]) -> Option<Vec<Affine>> {
        self.backend.points(&self.rows, sums)
    }

    /// See [`Backend::nodes`].
    #[must_use]
    pub(crate) fn nodes<const N: usize>(&self, sums: &[Sum<N>], out: &mut [[u8; 32]]) -> bool {
        self.backend.nodes(&self.rows, sums, out)
    }

    pub(crate) fn start(&self, level: u8) -> &Affine {
        &self.start[usize::from(level)]
    }

    pub(crate) fn empty_right(&self, level: u8) -> &Affine {
        &self.empty_right[usize::from(level)]
    }

    pub(crate) fn empty_root(&self, level: u8) -> &[u8; 32] {
        &self.empty_roots[usize::from(level)]
    }
}

/// The rows and the start points, in the portable form.
fn weighted_generators() -> (Vec<Affine>, Vec<Affine>) {
    let mut row: Vec<Affine> = SINSEMILLA_S.iter().map(|(x, y)| affine(x, y)).collect();
    let mut rows = vec![Affine::ZERO; WORDS * GENERATORS];
    for out in rows.chunks_exact_mut(GENERATORS).rev() {
        out.copy_from_slice(&row);
        double_all(&mut row);
    }
    row.truncate(LEVELS);
    add_to_all(&mut row, &weighted_q());
    (rows, row)
}

/// 2^52·Q.
fn weighted_q() -> Affine {
    let mut q = pallas::Point::hash_to_curve(Q_PERSONALIZATION)(DOMAIN.as_bytes());
    for _ in 0..=WORDS {
        q = q.double();
    }
    let q = q.to_affine().coordinates().expect("Q is not the identity");
    affine(q.x(), q.y())
}

fn affine(x: &pallas::Base, y: &pallas::Base) -> Affine {
    let field = |value: &pallas::Base| Fp::from_integer(&limbs(&value.to_repr()));
    Affine {
        x: field(x),
        y: field(y),
    }
}

/// Doubles each point. No y is zero: the order of the group is odd.
fn double_all(points: &mut [Affine]) {
    let mut inverses: Vec<Fp> = points.iter().map(|point| point.y.double()).collect();
    assert!(invert_all::<Plain>(&mut inverses), "{CONSTANT}");
    for (point, inverse) in points.iter_mut().zip(&inverses) {
        *point = point.double_given(inverse);
    }
}

fn add_to_all(points: &mut [Affine], other: &Affine) {
    let mut inverses: Vec<Fp> = points.iter().map(|point| other.x.sub(&point.x)).collect();
    assert!(invert_all::<Plain>(&mut inverses), "{CONSTANT}");
    for (point, inverse) in points.iter_mut().zip(&inverses) {
        *point = point.add_given(other, inverse);
    }
}
