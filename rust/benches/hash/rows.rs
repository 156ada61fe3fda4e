//! What is measured: rows of contenders that do the same work.

use std::hint::black_box;

use incrementalmerkletree::{Hashable, Level};
use incrementalmerkletree_08::{Hashable as Hashable08, Level as Level08};
use kvshard::hash::orchard_hash::{climb, combine, combine_batch, combine_empty_right};
use kvshard::hash::{Backend, OrchardNode, Sibling};
use orchard::tree::MerkleHashOrchard as Orchard;
use zakura_orchard::tree::{MerkleHashBatchWorkspace, MerkleHashOrchard as Zakura};

type Pairs<T> = Vec<(T, T)>;

/// One way to do what the row is about, and how many hashes a call of it is.
pub struct Contender {
    pub hashes: usize,
    pub run: Box<dyn FnMut()>,
}

/// What is measured side by side: `orchard`, `zakura-orchard`, then our paths, the fastest first.
pub struct Row {
    pub title: String,
    pub contenders: Vec<Contender>,
}

/// The rows of the table.
pub fn rows() -> Vec<Row> {
    let random = &mut Random(1);
    let mut rows = vec![single(random)];
    rows.extend([2, 16, 64, 256, 1024].map(|count| batch(random, count, 1)));
    rows.extend([walk_beside_nothing(random), walk_beside_siblings(random)]);
    rows.push(batch(random, 16_384, 2));
    rows
}

/// Reproducible nodes (splitmix64; below 2^254, so all of them canonical).
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn node(&mut self) -> OrchardNode {
        let mut bytes = [0; 32];
        for chunk in bytes.as_chunks_mut::<8>().0 {
            *chunk = self.word().to_le_bytes();
        }
        bytes[31] &= 0x3f;
        OrchardNode::from_bytes(&bytes).unwrap()
    }

    fn pairs(&mut self, count: usize) -> Pairs<OrchardNode> {
        (0..count).map(|_| (self.node(), self.node())).collect()
    }
}

fn zakura(node: &OrchardNode) -> Zakura {
    Option::from(Zakura::from_bytes(node.as_bytes())).unwrap()
}

fn contender(hashes: usize, run: impl FnMut() + 'static) -> Contender {
    let run = Box::new(run);
    Contender { hashes, run }
}

/// Single hashes of unrelated pairs.
fn single(random: &mut Random) -> Row {
    const CALLS: usize = 4;
    let pairs = random.pairs(64);
    let theirs: Pairs<Orchard> = pairs
        .iter()
        .map(|(l, r)| ((*l).into(), (*r).into()))
        .collect();
    let zakuras: Pairs<Zakura> = pairs.iter().map(|(l, r)| (zakura(l), zakura(r))).collect();
    let mut orchard = theirs.into_iter().cycle();
    let mut zakura = zakuras.into_iter().cycle();
    let mut contenders = vec![
        contender(CALLS, move || {
            for (l, r) in orchard.by_ref().take(CALLS) {
                black_box(Orchard::combine(Level::from(0), &l, &r));
            }
        }),
        contender(CALLS, move || {
            for (l, r) in zakura.by_ref().take(CALLS) {
                black_box(Zakura::combine(Level08::from(0), &l, &r));
            }
        }),
    ];
    for backend in Backend::available() {
        let mut pairs = pairs.clone().into_iter().cycle();
        contenders.push(contender(CALLS, move || {
            for (l, r) in pairs.by_ref().take(CALLS) {
                black_box(combine(backend, Level::from(0), &l, &r));
            }
        }));
    }
    Row {
        title: "single hash".into(),
        contenders,
    }
}

/// One batch at level 0; the peers have no threads, so theirs is one.
fn batch(random: &mut Random, count: usize, threads: usize) -> Row {
    let pairs = random.pairs(count);
    let theirs: Pairs<Orchard> = pairs
        .iter()
        .map(|(l, r)| ((*l).into(), (*r).into()))
        .collect();
    let zakuras: Pairs<Zakura> = pairs.iter().map(|(l, r)| (zakura(l), zakura(r))).collect();
    let mut workspace = MerkleHashBatchWorkspace::default();
    let mut out = Vec::new();
    // A part of the batch is enough of the slowest peer.
    let part = count.min(32);
    let mut contenders = vec![
        contender(part, move || {
            let pairs = theirs[..part].iter().map(|(l, r)| (l, r));
            black_box(Orchard::combine_batch(Level::from(0), pairs));
        }),
        contender(count, move || {
            let pairs = zakuras.iter().map(|(l, r)| (l, r));
            Zakura::combine_batch_with_workspace(Level08::from(0), pairs, &mut workspace, &mut out);
            black_box(&out);
        }),
    ];
    for backend in Backend::available() {
        let children: Vec<_> = pairs.iter().flat_map(|(l, r)| [*l, *r]).collect();
        let mut out = Vec::new();
        contenders.push(contender(count, move || {
            out.clear();
            combine_batch(backend, Level::from(0), &children, threads, &mut out);
            black_box(&out);
        }));
    }
    let of = match threads {
        1 => String::new(),
        _ => format!(", ours on {threads} threads"),
    };
    Row {
        title: format!("batch of {count}{of}"),
        contenders,
    }
}

/// From a leaf to the root, nothing at its right.
fn walk_beside_nothing(random: &mut Random) -> Row {
    let leaf = random.node();
    let (theirs, zakuras) = (Orchard::from(leaf), zakura(&leaf));
    let mut contenders = vec![
        contender(32, move || {
            black_box((0..32).fold(theirs, |node, level| {
                let level = Level::from(level);
                Orchard::combine(level, &node, &Orchard::empty_root(level))
            }));
        }),
        contender(32, move || {
            black_box((0..32).fold(zakuras, |node, level| {
                let level = Level08::from(level);
                Zakura::combine(level, &node, &Zakura::empty_root(level))
            }));
        }),
    ];
    for backend in Backend::available() {
        contenders.push(contender(32, move || {
            black_box((0..32).fold(leaf, |node, level| {
                combine_empty_right(backend, Level::from(level), &node)
            }));
        }));
    }
    Row {
        title: "walk of 32 levels, right side empty".into(),
        contenders,
    }
}

/// From a leaf to the root along a path of known siblings, left and right.
fn walk_beside_siblings(random: &mut Random) -> Row {
    let leaf = random.node();
    let path: Vec<OrchardNode> = (0..32).map(|_| random.node()).collect();
    let theirs: Vec<Orchard> = path.iter().map(|node| (*node).into()).collect();
    let zakuras: Vec<Zakura> = path.iter().map(zakura).collect();
    let (their_leaf, zakura_leaf) = (Orchard::from(leaf), zakura(&leaf));
    let mut contenders = vec![
        contender(32, move || {
            black_box(
                (0u8..)
                    .zip(&theirs)
                    .fold(their_leaf, |node, (level, sibling)| {
                        Orchard::combine(level.into(), &node, sibling)
                    }),
            );
        }),
        contender(32, move || {
            black_box(
                (0u8..)
                    .zip(&zakuras)
                    .fold(zakura_leaf, |node, (level, sibling)| {
                        Zakura::combine(level.into(), &node, sibling)
                    }),
            );
        }),
    ];
    let siblings: Vec<_> = path.iter().copied().map(Sibling::Right).collect();
    for backend in Backend::available() {
        let siblings = siblings.clone();
        contenders.push(contender(32, move || {
            black_box(climb(backend, Level::from(0), &leaf, &siblings));
        }));
    }
    Row {
        title: "walk of 32 levels, known siblings".into(),
        contenders,
    }
}
