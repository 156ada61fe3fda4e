//! Every path of every backend against `orchard`.

use std::env;
use std::panic::catch_unwind;
use std::slice;
use std::thread;

use incrementalmerkletree::{Hashable, Level};
use orchard::tree::MerkleHashOrchard;
use pasta_curves::arithmetic::{Coordinates, CurveAffine};
use pasta_curves::group::ff::PrimeField;
use pasta_curves::group::{Curve, Group};
use pasta_curves::pallas;

use super::curve::Affine;
use super::field::{Fp, limb_bytes};
use super::modulus::P;
use super::orchard_hash::{climb, combine, combine_batch, combine_empty_right, empty_root};
use super::sum::Sum;
use super::tables::Tables;
use super::testing::{Random, backends, edge_integers};
use super::{Backend, OrchardNode, Sibling, TreeHash, VoteNode, message};

const LEVELS: u8 = 32;

fn reference(level: Level, left: &OrchardNode, right: &OrchardNode) -> OrchardNode {
    MerkleHashOrchard::combine(level, &(*left).into(), &(*right).into()).into()
}

fn batch(
    backend: Backend,
    level: Level,
    pairs: &[(OrchardNode, OrchardNode)],
    threads: usize,
) -> Vec<OrchardNode> {
    let mut out = Vec::new();
    combine_batch(backend, level, &flat(pairs), threads, &mut out);
    out
}

fn flat<H: Clone>(pairs: &[(H, H)]) -> Vec<H> {
    let children = pairs.iter().flat_map(|(l, r)| [l.clone(), r.clone()]);
    children.collect()
}

fn references(level: Level, pairs: &[(OrchardNode, OrchardNode)]) -> Vec<OrchardNode> {
    pairs.iter().map(|(l, r)| reference(level, l, r)).collect()
}

/// Each of `count` random pairs at every level, singly and in one batch.
fn check_random_pairs(seed: u64, count: usize) {
    for level in (0..LEVELS).map(Level::from) {
        let mut random = Random::new(seed << 8 | u64::from(u8::from(level)));
        let pairs = random.pairs(count);
        let expected = references(level, &pairs);
        for backend in backends() {
            assert_eq!(
                batch(backend, level, &pairs, 1),
                expected,
                "{backend:?} {level:?}"
            );
            for ((left, right), expected) in pairs.iter().zip(&expected) {
                assert_eq!(
                    combine(backend, level, left, right),
                    *expected,
                    "{backend:?} {level:?}"
                );
            }
        }
    }
}

#[test]
fn random_pairs_equal_orchard_at_all_levels() {
    check_random_pairs(1, 100);
}

/// A million and more: `HASH_PAIRS` pairs over all levels, on all cores.
#[test]
#[ignore = "takes minutes"]
fn a_million_random_pairs_equal_orchard() {
    let pairs: usize = env::var("HASH_PAIRS").map_or(1 << 20, |count| count.parse().unwrap());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let rounds = pairs.div_ceil(usize::from(LEVELS) * cores * 1024);
    thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || {
                for round in 0..rounds {
                    check_random_pairs((2 + round * cores + core) as u64, 1024);
                }
            });
        }
    });
    println!(
        "{} pairs are equal",
        rounds * cores * usize::from(LEVELS) * 1024
    );
}

#[test]
fn all_pairs_of_edge_nodes_equal_orchard() {
    let mut edges: Vec<OrchardNode> = edge_integers()
        .iter()
        .step_by(17)
        .map(|x| OrchardNode::from_canonical(limb_bytes(x)))
        .collect();
    let [p0, p1, p2, p3] = P;
    for x in [[0; 4], [1, 0, 0, 0], [2, 0, 0, 0], [p0 - 1, p1, p2, p3]] {
        edges.push(OrchardNode::from_canonical(limb_bytes(&x)));
    }
    edges.extend(
        (0..=LEVELS)
            .step_by(8)
            .map(|l| OrchardNode::empty_root(l.into())),
    );
    let pairs: Vec<_> = edges
        .iter()
        .flat_map(|left| edges.iter().map(|right| (*left, *right)))
        .collect();
    for level in [0, 1, 31, 32, 255].map(Level::from) {
        let expected = references(level, &pairs);
        for backend in backends() {
            assert_eq!(batch(backend, level, &pairs, 1), expected, "{backend:?}");
            for ((left, right), expected) in pairs.iter().zip(&expected) {
                assert_eq!(
                    combine(backend, level, left, right),
                    *expected,
                    "{backend:?}"
                );
            }
        }
    }
}

#[test]
fn every_batch_width_up_to_300_is_the_same() {
    let level = Level::from(7);
    let pairs = Random::new(3).pairs(300);
    let expected = references(level, &pairs);
    for backend in backends() {
        for width in 0..=pairs.len() {
            let hashes = batch(backend, level, &pairs[..width], 1);
            assert_eq!(hashes, expected[..width], "{backend:?} {width}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let level = Level::from(3);
    let pairs = Random::new(4).pairs(1500);
    let expected = batch(Backend::Portable, level, &pairs, 1);
    for backend in backends() {
        for threads in 0..=8 {
            for count in [1, 2, 255, 256, 511, 512, 1024, 1500] {
                let hashes = batch(backend, level, &pairs[..count], threads);
                assert_eq!(hashes, expected[..count], "{backend:?} {threads} {count}");
            }
        }
    }
}

#[test]
fn a_batch_appends() {
    let pairs = Random::new(5).pairs(3);
    let mut out = vec![OrchardNode::empty_leaf()];
    OrchardNode::combine_batch(0.into(), &flat(&pairs), 1, &mut out);
    assert_eq!(out[0], OrchardNode::empty_leaf());
    assert_eq!(out[1..], references(0.into(), &pairs));
}

/// No node of a row is dropped in silence.
#[test]
fn an_odd_number_of_children_is_refused() {
    let children = [OrchardNode::empty_leaf(); 3];
    let refused = |run: fn(&[OrchardNode])| {
        let panic = catch_unwind(|| run(&children)).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.starts_with("3 children are no pairs"), "{text}");
    };
    refused(|all| OrchardNode::combine_batch(0.into(), all, 1, &mut vec![]));
    refused(|all| {
        let all: Vec<_> = all.iter().map(|n| MerkleHashOrchard::from(*n)).collect();
        TreeHash::combine_batch(0.into(), &all, 1, &mut vec![]);
    });
    refused(|all| {
        let all: Vec<_> = all
            .iter()
            .filter_map(|n| VoteNode::from_bytes(n.as_bytes()))
            .collect();
        VoteNode::combine_batch(0.into(), &all, 1, &mut vec![]);
    });
}

/// The bounds that the documentation states.
#[test]
fn empty_subtrees_end_at_level_32() {
    let leaf = OrchardNode::empty_leaf();
    let root = OrchardNode::empty_root(LEVELS.into());
    let above = OrchardNode::combine_empty_right(LEVELS.into(), &leaf);
    assert_eq!(above, reference(LEVELS.into(), &leaf, &root));
    for run in [
        (|level, _| OrchardNode::empty_root(level)) as fn(Level, OrchardNode) -> OrchardNode,
        |level, leaf| OrchardNode::combine_empty_right(level, &leaf),
        |level, leaf| OrchardNode::climb(level, &leaf, &[Sibling::EmptyRight]),
    ] {
        assert!(catch_unwind(|| run(Level::from(LEVELS + 1), leaf)).is_err());
    }
    let siblings = [Sibling::Right(root)];
    let top = OrchardNode::climb(254.into(), &leaf, &siblings);
    assert_eq!(top, reference(254.into(), &leaf, &root));
    assert!(catch_unwind(|| OrchardNode::climb(255.into(), &leaf, &siblings)).is_err());
    assert_eq!(OrchardNode::climb(0.into(), &leaf, &[]), leaf);
}

#[test]
fn empty_roots_equal_orchard() {
    for backend in backends() {
        for level in (0..=LEVELS).map(Level::from) {
            let expected = MerkleHashOrchard::empty_root(level).into();
            assert_eq!(
                empty_root(backend, level),
                expected,
                "{backend:?} {level:?}"
            );
        }
    }
}

#[test]
fn an_empty_right_sibling_equals_its_root() {
    let mut random = Random::new(6);
    for level in (0..LEVELS).map(Level::from) {
        let left = random.node();
        let expected = reference(level, &left, &OrchardNode::empty_root(level));
        for backend in backends() {
            assert_eq!(
                combine_empty_right(backend, level, &left),
                expected,
                "{backend:?}"
            );
        }
        assert_eq!(OrchardNode::combine_empty_right(level, &left), expected);
        let orchard = MerkleHashOrchard::combine_empty_right(level, &left.into());
        assert_eq!(OrchardNode::from(orchard), expected);
    }
}

/// Siblings of every kind, in an order that the seed decides.
fn random_siblings(random: &mut Random, count: usize) -> Vec<Sibling<OrchardNode>> {
    (0..count)
        .map(|_| match random.word() % 3 {
            0 => Sibling::Left(random.node()),
            1 => Sibling::Right(random.node()),
            _ => Sibling::EmptyRight,
        })
        .collect()
}

fn climb_by_reference(
    level: u8,
    node: &OrchardNode,
    siblings: &[Sibling<OrchardNode>],
) -> OrchardNode {
    let path = siblings.iter().zip(level..);
    path.fold(*node, |node, (sibling, level)| {
        let level = Level::from(level);
        match sibling {
            Sibling::Left(left) => reference(level, left, &node),
            Sibling::Right(right) => reference(level, &node, right),
            Sibling::EmptyRight => reference(level, &node, &OrchardNode::empty_root(level)),
        }
    })
}

#[test]
fn a_climb_equals_the_plain_loop() {
    let mut random = Random::new(7);
    for start in 0..=LEVELS {
        for count in [LEVELS - start, (LEVELS - start) / 2] {
            let node = random.node();
            let siblings = random_siblings(&mut random, count.into());
            let expected = climb_by_reference(start, &node, &siblings);
            for backend in backends() {
                let top = climb(backend, start.into(), &node, &siblings);
                assert_eq!(top, expected, "{backend:?} {start} {siblings:?}");
            }
        }
    }
}

#[test]
fn the_plain_loops_do_for_other_hashes() {
    let pair = ("a".to_string(), "b".to_string());
    let mut out = Vec::new();
    String::combine_batch(0.into(), &flat(slice::from_ref(&pair)), 4, &mut out);
    assert_eq!(out, ["ab"]);
    assert_eq!(String::combine_empty_right(1.into(), &pair.0), "a__");
    let siblings = [
        Sibling::Left("l".to_string()),
        Sibling::Right("rr".to_string()),
        Sibling::EmptyRight,
    ];
    assert_eq!(String::climb(0.into(), &pair.0, &siblings), "larr____");
}

#[test]
fn bytes_at_or_above_the_modulus_are_no_node() {
    let [p0, p1, p2, p3] = P;
    for above in [
        P,
        [p0 + 1, p1, p2, p3],
        [0, 0, 1, p3],
        [0, 0, 0, p3 + 1],
        [u64::MAX; 4],
    ] {
        let bytes = limb_bytes(&above);
        assert_eq!(OrchardNode::from_bytes(&bytes), None);
        assert!(bool::from(MerkleHashOrchard::from_bytes(&bytes).is_none()));
    }
    for below in edge_integers() {
        let bytes = limb_bytes(&below);
        let node = OrchardNode::from_bytes(&bytes).unwrap();
        assert_eq!(node.to_bytes(), bytes);
        assert_eq!(MerkleHashOrchard::from(node).to_bytes(), bytes);
        assert_eq!(OrchardNode::from(MerkleHashOrchard::from(node)), node);
    }
}

#[test]
fn a_node_prints_as_hex() {
    let node = OrchardNode::empty_leaf();
    assert_eq!(format!("{node}"), format!("02{}", "00".repeat(31)));
    assert_eq!(format!("{node:?}"), format!("{node}"));
}

/// The x coordinate of the sum by complete additions.
fn complete_sum(backend: Backend, sum: &Sum<26>) -> [u8; 32] {
    let portable = Tables::get(Backend::Portable);
    let entries = Tables::get(backend);
    let point = |entry: &Affine| {
        let field = |x: &Fp| pallas::Base::from_repr(limb_bytes(&x.to_integer())).unwrap();
        pallas::Affine::from_xy(field(&entry.x), field(&entry.y)).unwrap()
    };
    let first = entries.rows.iter().position(|entry| *entry == sum.first);
    let terms = sum.terms.iter().map(|term| usize::from(*term));
    let sum = terms
        .chain(first)
        .fold(pallas::Point::identity(), |sum, term| {
            sum + point(&portable.rows[term])
        });
    let coordinates = Option::from(sum.to_affine().coordinates());
    coordinates.map_or([0; 32], |c: Coordinates<pallas::Affine>| c.x().to_repr())
}

/// Sums in which the same points come again and again, so that partial sums
/// meet themselves: each is either right or noticed, whatever the order of
/// additions, and noticed where all points are the same.
#[test]
fn equal_points_are_noticed_wherever_they_meet() {
    let mut random = Random::new(8);
    for backend in backends() {
        let tables = Tables::get(backend);
        for (count, at) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 64, 65, 200]
            .into_iter()
            .flat_map(|count| [(count, count / 2), (count, count - 1)])
        {
            for period in [1, 2, 3, 4, 7, 8, 13, 14, 26] {
                let mut sums: Vec<Sum<26>> = (0..count)
                    .map(|_| Sum {
                        first: tables.rows[usize::from(random.word() as u16 % 52_000)],
                        terms: message::without_right(&random.integer(), &random.integer()),
                    })
                    .collect();
                let repeating = &mut sums[at];
                for i in period - 1..26 {
                    repeating.terms[i] = repeating.terms[(i + 1) % period];
                }
                repeating.first = tables.rows[usize::from(repeating.terms[period - 1])];

                let mut out = vec![[0; 32]; count];
                let told = tables.nodes(&sums, &mut out);
                assert_eq!(tables.points(&sums).is_some(), told);
                assert!(!told || period > 1, "{backend:?} {count}");
                for (sum, x) in sums.iter().zip(&out).filter(|_| told) {
                    assert_eq!(
                        *x,
                        complete_sum(backend, sum),
                        "{backend:?} {count} {period}"
                    );
                }
            }
        }
    }
}
