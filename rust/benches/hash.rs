//! The hash against its peers: one table, every row measured side by side.
//!
//! The contenders of a row take turns in short rounds, so that whatever else
//! the machine does meets all of them; a ratio is the median of the rounds'
//! ratios. `cargo bench --bench hash [seconds a row]`.

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use incrementalmerkletree::{Hashable, Level};
use incrementalmerkletree_08::{Hashable as Hashable08, Level as Level08};
use kvshard::hash::orchard_hash::{
    build_tables, climb, combine, combine_batch, combine_empty_right,
};
use kvshard::hash::{Backend, OrchardNode, Sibling};
use orchard::tree::MerkleHashOrchard as Orchard;
use zakura_orchard::tree::{MerkleHashBatchWorkspace, MerkleHashOrchard as Zakura};

type Pairs<T> = Vec<(T, T)>;

/// One way to do what the row is about, and how many hashes a call of it is.
struct Contender<'a> {
    name: &'static str,
    hashes: usize,
    run: Box<dyn FnMut() + 'a>,
}

/// The ratios that are aimed at: against `orchard`, against `zakura-orchard`.
struct Target(&'static str, &'static str);

struct Row<'a> {
    title: &'static str,
    target: Target,
    /// The peers first: `orchard`, `zakura-orchard`.
    contenders: Vec<Contender<'a>>,
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

fn backends() -> Vec<(&'static str, Backend)> {
    let name = |backend| match backend {
        Backend::Portable => "ours, portable",
        Backend::Mulx => "ours, mulx",
        Backend::Umulh => "ours, umulh",
        Backend::Ifma => "ours, IFMA",
    };
    Backend::available()
        .map(|backend| (name(backend), backend))
        .collect()
}

fn contender<'a>(name: &'static str, hashes: usize, run: impl FnMut() + 'a) -> Contender<'a> {
    let run = Box::new(run);
    Contender { name, hashes, run }
}

/// Single hashes of unrelated pairs.
fn single(random: &mut Random) -> Row<'static> {
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
        contender("orchard", CALLS, move || {
            for (l, r) in orchard.by_ref().take(CALLS) {
                black_box(Orchard::combine(Level::from(0), &l, &r));
            }
        }),
        contender("zakura-orchard", CALLS, move || {
            for (l, r) in zakura.by_ref().take(CALLS) {
                black_box(Zakura::combine(Level08::from(0), &l, &r));
            }
        }),
    ];
    for (name, backend) in backends() {
        let mut pairs = pairs.clone().into_iter().cycle();
        contenders.push(contender(name, CALLS, move || {
            for (l, r) in pairs.by_ref().take(CALLS) {
                black_box(combine(backend, Level::from(0), &l, &r));
            }
        }));
    }
    Row {
        title: "single node",
        target: Target("5.5", "1.2"),
        contenders,
    }
}

/// One batch at level 0; the peers have no threads, so theirs is one.
fn batch(
    random: &mut Random,
    title: &'static str,
    count: usize,
    threads: usize,
    target: Target,
) -> Row<'static> {
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
        contender("orchard", part, move || {
            let pairs = theirs[..part].iter().map(|(l, r)| (l, r));
            black_box(Orchard::combine_batch(Level::from(0), pairs));
        }),
        contender("zakura-orchard", count, move || {
            let pairs = zakuras.iter().map(|(l, r)| (l, r));
            Zakura::combine_batch_with_workspace(Level08::from(0), pairs, &mut workspace, &mut out);
            black_box(&out);
        }),
    ];
    for (name, backend) in backends() {
        let children: Vec<_> = pairs.iter().flat_map(|(l, r)| [*l, *r]).collect();
        let mut out = Vec::new();
        contenders.push(contender(name, count, move || {
            out.clear();
            combine_batch(backend, Level::from(0), &children, threads, &mut out);
            black_box(&out);
        }));
    }
    Row {
        title,
        target,
        contenders,
    }
}

/// From a leaf to the root, nothing at its right.
fn walk_beside_nothing(random: &mut Random) -> Row<'static> {
    let leaf = random.node();
    let (theirs, zakuras) = (Orchard::from(leaf), zakura(&leaf));
    let mut contenders = vec![
        contender("orchard", 32, move || {
            black_box((0..32).fold(theirs, |node, level| {
                let level = Level::from(level);
                Orchard::combine(level, &node, &Orchard::empty_root(level))
            }));
        }),
        contender("zakura-orchard", 32, move || {
            black_box((0..32).fold(zakuras, |node, level| {
                let level = Level08::from(level);
                Zakura::combine(level, &node, &Zakura::empty_root(level))
            }));
        }),
    ];
    for (name, backend) in backends() {
        contenders.push(contender(name, 32, move || {
            black_box((0..32).fold(leaf, |node, level| {
                combine_empty_right(backend, Level::from(level), &node)
            }));
        }));
    }
    Row {
        title: "walk of 32 levels, right side empty",
        target: Target("9", "2"),
        contenders,
    }
}

/// From a leaf to the root along a path of known siblings, left and right.
fn walk_beside_siblings(random: &mut Random) -> Row<'static> {
    let leaf = random.node();
    let path: Vec<OrchardNode> = (0..32).map(|_| random.node()).collect();
    let theirs: Vec<Orchard> = path.iter().map(|node| (*node).into()).collect();
    let zakuras: Vec<Zakura> = path.iter().map(zakura).collect();
    let (their_leaf, zakura_leaf) = (Orchard::from(leaf), zakura(&leaf));
    let mut contenders = vec![
        contender("orchard", 32, move || {
            black_box(
                (0u8..)
                    .zip(&theirs)
                    .fold(their_leaf, |node, (level, sibling)| {
                        Orchard::combine(level.into(), &node, sibling)
                    }),
            );
        }),
        contender("zakura-orchard", 32, move || {
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
    for (name, backend) in backends() {
        let siblings = siblings.clone();
        contenders.push(contender(name, 32, move || {
            black_box(climb(backend, Level::from(0), &leaf, &siblings));
        }));
    }
    Row {
        title: "walk of 32 levels, known siblings",
        target: Target("-", "-"),
        contenders,
    }
}

/// Nanoseconds a hash, for each contender, round by round.
fn measure(row: &mut Row<'_>, time: Duration) -> Vec<Vec<f64>> {
    let mut rounds = Vec::new();
    let end = Instant::now() + time;
    for contender in &mut row.contenders {
        (contender.run)();
    }
    while Instant::now() < end || rounds.len() < 9 {
        let round = row.contenders.iter_mut().map(|contender| {
            // Each is timed over a millisecond or so.
            let (start, mut calls) = (Instant::now(), 0);
            while calls == 0 || start.elapsed() < Duration::from_millis(1) {
                (contender.run)();
                calls += 1;
            }
            start.elapsed().as_nanos() as f64 / (calls * contender.hashes) as f64
        });
        rounds.push(round.collect());
    }
    rounds
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn report(row: &Row<'_>, rounds: &[Vec<f64>]) {
    println!("{}", row.title);
    for (i, contender) in row.contenders.iter().enumerate() {
        let time = median(rounds.iter().map(|round| round[i])) / 1000.0;
        let ratio = |peer: usize| median(rounds.iter().map(|round| round[peer] / round[i]));
        println!(
            "  {:<16} {time:>9.2} {:>9.2} {:>9.2}",
            contender.name,
            ratio(0),
            ratio(1)
        );
    }
    let Target(orchard, zakura) = row.target;
    println!("  {:<16} {:>9} {orchard:>9} {zakura:>9}", "target", "");
}

fn report_tables() {
    println!("building the tables, ms");
    for (name, backend) in backends() {
        let times = (0..9).map(|_| {
            let start = Instant::now();
            black_box(build_tables(backend));
            start.elapsed().as_secs_f64() * 1000.0
        });
        println!("  {name:<16} {:>9.2}", median(times));
    }
    println!("  {:<16} {:>9}", "target", "30");
}

fn main() {
    let seconds = env::args().skip(1).find_map(|arg| arg.parse().ok());
    let time = Duration::from_secs_f64(seconds.unwrap_or(3.0));
    let random = &mut Random(1);
    let rows = [
        single(random),
        batch(
            random,
            "batch of 1,024, one thread",
            1024,
            1,
            Target("13", "1.25"),
        ),
        walk_beside_nothing(random),
        walk_beside_siblings(random),
        batch(random, "batch of 2, one thread", 2, 1, Target("-", "-")),
        batch(random, "batch of 10, one thread", 10, 1, Target("-", "-")),
        batch(random, "batch of 64, one thread", 64, 1, Target("-", "-")),
        batch(
            random,
            "batch of 16,384, ours on two threads",
            16_384,
            2,
            Target("-", "-"),
        ),
    ];
    println!(
        "{:<18} {:>9} {:>9} {:>9}",
        "", "µs a hash", "× orchard", "× zakura"
    );
    for mut row in rows {
        let rounds = measure(&mut row, time);
        report(&row, &rounds);
    }
    report_tables();
}
