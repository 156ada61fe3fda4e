//! `MerkleCRH^Orchard` on [`OrchardNode`]s: each entry point turns its nodes
//! into sums and has them added up.

use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;

use super::backend::Backend;
use super::curve::Affine;
use super::message::{self, Bits, HALF, WORDS};
use super::node::OrchardNode;
use super::shares::in_shares;
use super::sum::Sum;
use super::tables::Tables;
use super::tree_hash::{Sibling, TreeHash, levels, pairs};

/// Hashes that are prepared at once; their sums take some 12 KiB each.
const CHUNK: usize = 512;
/// Fewest hashes that are worth a thread of their own.
const THREAD_MIN: usize = 256;

/// The hash by the definition, step by step with incomplete additions: what
/// `orchard` returns, its 0 for ⊥ included.
fn by_definition(level: Level, left: &OrchardNode, right: &OrchardNode) -> OrchardNode {
    MerkleHashOrchard::combine(level, &(*left).into(), &(*right).into()).into()
}

/// The x coordinate of one sum; nothing if it met an exceptional case.
fn one<const N: usize>(tables: &Tables, sum: Sum<N>) -> Option<OrchardNode> {
    let mut out = [[0; 32]];
    tables
        .nodes(&[sum], &mut out)
        .then(|| OrchardNode::from_canonical(out[0]))
}

fn bits(node: &OrchardNode) -> Bits {
    message::bits(node.as_bytes())
}

fn whole(tables: &Tables, level: Level, left: &OrchardNode, right: &OrchardNode) -> Sum<WORDS> {
    Sum {
        first: *tables.start(level.into()),
        terms: message::whole(&bits(left), &bits(right)),
    }
}

/// [`Hashable::combine`] on this backend.
pub fn combine(
    backend: Backend,
    level: Level,
    left: &OrchardNode,
    right: &OrchardNode,
) -> OrchardNode {
    let tables = Tables::get(backend);
    one(tables, whole(tables, level, left, right))
        .unwrap_or_else(|| by_definition(level, left, right))
}

/// [`Hashable::empty_root`] on this backend.
pub fn empty_root(backend: Backend, level: Level) -> OrchardNode {
    OrchardNode::from_canonical(*Tables::get(backend).empty_root(level.into()))
}

/// [`TreeHash::combine_empty_right`] on this backend.
pub fn combine_empty_right(backend: Backend, level: Level, left: &OrchardNode) -> OrchardNode {
    let tables = Tables::get(backend);
    let right = OrchardNode::from_canonical(*tables.empty_root(level.into()));
    let sum = Sum {
        first: *tables.empty_right(level.into()),
        terms: message::without_right(&bits(left), &bits(&right)),
    };
    one(tables, sum).unwrap_or_else(|| by_definition(level, left, &right))
}

/// [`TreeHash::combine_batch`] on this backend.
pub fn combine_batch(
    backend: Backend,
    level: Level,
    children: &[OrchardNode],
    threads: usize,
    out: &mut Vec<OrchardNode>,
) {
    let tables = Tables::get(backend);
    let pairs = pairs(children);
    let old = out.len();
    out.resize(old + pairs.len(), OrchardNode::from_canonical([0; 32]));
    let new = &mut out[old..];

    let threads = threads.min(pairs.len() / THREAD_MIN).max(1);
    if threads == 1 {
        return combine_share(tables, level, pairs, new);
    }
    in_shares(pairs, new, CHUNK, threads, |pairs, out| {
        combine_share(tables, level, pairs, out);
    });
}

/// One thread's part of a batch.
fn combine_share(
    tables: &Tables,
    level: Level,
    pairs: &[[OrchardNode; 2]],
    out: &mut [OrchardNode],
) {
    let chunk = CHUNK.min(pairs.len());
    let mut sums = Vec::with_capacity(chunk);
    let mut bytes = vec![[0; 32]; chunk];
    for (pairs, out) in pairs.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        sums.clear();
        sums.extend(pairs.iter().map(|[l, r]| whole(tables, level, l, r)));
        let bytes = &mut bytes[..pairs.len()];
        if tables.nodes(&sums, bytes) {
            for (out, bytes) in out.iter_mut().zip(bytes) {
                *out = OrchardNode::from_canonical(*bytes);
            }
        } else {
            for (out, [left, right]) in out.iter_mut().zip(pairs) {
                *out = by_definition(level, left, right);
            }
        }
    }
}

/// [`TreeHash::climb`] on this backend.
///
/// A known sibling fills half of each message. These halves are summed before
/// the walk, in one batch. So a step adds 26 points, as with an empty sibling.
pub fn climb(
    backend: Backend,
    level: Level,
    node: &OrchardNode,
    siblings: &[Sibling<OrchardNode>],
) -> OrchardNode {
    let tables = Tables::get(backend);
    let halves = known_halves(tables, level, siblings);
    let mut halves = halves.iter().flatten();
    let mut node = *node;
    for (sibling, level) in siblings.iter().zip(levels(level, siblings)) {
        node = match sibling {
            Sibling::EmptyRight => combine_empty_right(backend, level, &node),
            known => halves
                .next()
                .and_then(|half| step(half, &node, known))
                .and_then(|sum| one(tables, sum))
                .unwrap_or_else(|| known.combine(level, &node)),
        };
    }
    node
}

/// For each sibling that is not empty, the start point and the half that the
/// sibling fills alone. Nothing if a sum met an exceptional case.
fn known_halves(
    tables: &Tables,
    level: Level,
    siblings: &[Sibling<OrchardNode>],
) -> Option<Vec<Affine>> {
    let mut sums: Vec<Sum<HALF>> = Vec::with_capacity(siblings.len());
    for (sibling, level) in siblings.iter().zip(levels(level, siblings)) {
        let terms = match sibling {
            Sibling::Left(left) => message::left_half(&bits(left)),
            Sibling::Right(right) => message::right_half(&bits(right)),
            Sibling::EmptyRight => continue,
        };
        let first = *tables.start(level.into());
        sums.push(Sum { first, terms });
    }
    tables.points(&sums)
}

/// The sum of one step of the walk, given the half that the sibling fills.
fn step(
    half: &Affine,
    node: &OrchardNode,
    sibling: &Sibling<OrchardNode>,
) -> Option<Sum<{ HALF + 1 }>> {
    let terms = match sibling {
        Sibling::Left(left) => message::without_left(&bits(left), &bits(node)),
        Sibling::Right(right) => message::without_right(&bits(node), &bits(right)),
        Sibling::EmptyRight => return None,
    };
    let first = *half;
    Some(Sum { first, terms })
}

/// Builds the tables of this backend anew and drops them: for measuring.
#[cfg(feature = "test-dependencies")]
pub fn build_tables(backend: Backend) -> usize {
    Tables::build(backend).rows.len()
}

impl Hashable for OrchardNode {
    fn empty_leaf() -> Self {
        MerkleHashOrchard::empty_leaf().into()
    }

    fn combine(level: Level, left: &Self, right: &Self) -> Self {
        combine(Backend::best(), level, left, right)
    }

    /// # Panics
    ///
    /// Above level 32, the root's.
    fn empty_root(level: Level) -> Self {
        empty_root(Backend::best(), level)
    }
}

impl TreeHash for OrchardNode {
    fn combine_batch(level: Level, children: &[Self], threads: usize, out: &mut Vec<Self>) {
        combine_batch(Backend::best(), level, children, threads, out);
    }

    fn combine_empty_right(level: Level, left: &Self) -> Self {
        combine_empty_right(Backend::best(), level, left)
    }

    fn climb(level: Level, node: &Self, siblings: &[Sibling<Self>]) -> Self {
        climb(Backend::best(), level, node, siblings)
    }
}
