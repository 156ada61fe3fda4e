//! Append, block, root and witness of the engine over memory, beside the yardsticks: the in-memory
//! `Frontier` and `ShardTree`, with `orchard`'s hash. `cargo bench --bench tree [LEAVES]...`.
//!
//! Each line is the median of interleaved rounds, and its ratio to the `Frontier`'s block of the
//! same run: machines differ and are noisy, ratios less so.

use std::hint::black_box;
use std::time::{Duration, Instant};

use incrementalmerkletree::frontier::{Frontier, NonEmptyFrontier};
use incrementalmerkletree::{Position, Retention};
use kvshard::engine::{Config, Engine};
use kvshard::hash::OrchardNode;
use kvshard::kv::MemKv;
use orchard::tree::MerkleHashOrchard;
use shardtree::ShardTree;
use shardtree::store::memory::MemoryShardStore;

const ROUNDS: usize = 15;

type Tree = Engine<MemKv, OrchardNode>;

fn leaf(n: u64) -> OrchardNode {
    let mut bytes = [0x5A; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[31] = 0;
    OrchardNode::from_bytes(&bytes).expect("below the modulus")
}

fn leaves(from: u64, count: u64) -> Vec<OrchardNode> {
    (from..from + count).map(leaf).collect()
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A subject of the comparison: its name, and one round.
type Subject<'a> = (String, Box<dyn FnMut(u64) -> Duration + 'a>);

fn frontier(size: u64) -> Subject<'static> {
    let position = size - 1;
    let ommers = leaves(0, position.count_ones().into());
    let mut frontier: Frontier<MerkleHashOrchard, 32> = NonEmptyFrontier::from_parts(
        Position::from(position),
        leaf(size).into(),
        ommers.into_iter().map(Into::into).collect(),
    )
    .and_then(Frontier::try_from)
    .expect("as many ommers as 1 bits");
    let round = move |round| {
        let new: Vec<MerkleHashOrchard> =
            leaves(round * 10, 10).into_iter().map(Into::into).collect();
        time(|| {
            for leaf in new {
                frontier.append(leaf);
            }
            frontier.root()
        })
    };
    (format!("Frontier, block at {size}"), Box::new(round))
}

fn shard_tree(size: u64) -> Subject<'static> {
    let mut tree: ShardTree<MemoryShardStore<MerkleHashOrchard, u32>, 32, 4> =
        ShardTree::new(MemoryShardStore::empty(), 100);
    let marked = leaves(0, size)
        .into_iter()
        .map(|leaf| (leaf.into(), Retention::Marked));
    tree.batch_insert(Position::from(0), marked)
        .expect("a batch");
    let round = move |round| {
        time(|| {
            for leaf in leaves(size + round * 10, 10) {
                tree.append(leaf.into(), Retention::Marked)
                    .expect("an append");
            }
            tree.checkpoint(round as u32 + 1).expect("a checkpoint");
            tree.root_at_checkpoint_depth(None).expect("a root")
        })
    };
    (format!("ShardTree, block at {size}"), Box::new(round))
}

fn filled(size: u64) -> Tree {
    let mut tree = Tree::new(MemKv::new(), Config::default());
    for height in 0..100 {
        tree.append(&leaves(u64::from(height) * 10, 10))
            .expect("an append");
        tree.checkpoint(height + 1).expect("a checkpoint");
    }
    let there = tree.size().expect("a size");
    tree.append(&leaves(there, size.saturating_sub(there)))
        .expect("a batch");
    tree
}

fn compare(subjects: &mut [Subject<'_>]) {
    let mut times = vec![vec![]; subjects.len()];
    for round in 0..ROUNDS as u64 {
        for ((_, run), times) in subjects.iter_mut().zip(&mut times) {
            times.push(run(round));
        }
    }
    let medians: Vec<_> = times.into_iter().map(median).collect();
    for ((name, _), median) in subjects.iter().zip(&medians) {
        let ratio = medians[0].as_secs_f64() / median.as_secs_f64();
        println!(
            "{name:32} {:>12.1} us   {ratio:>9.3}x",
            median.as_secs_f64() * 1e6
        );
    }
}

fn ours(size: u64) -> Vec<Subject<'static>> {
    let mut block = filled(size);
    let mut append = filled(size);
    let mut root = filled(size);
    let mut witness = filled(size);
    let mut last = 1000;
    vec![
        (
            format!("kvshard, block at {size}"),
            Box::new(move |round| {
                let new = leaves(size + round * 10, 10);
                last += 1;
                time(|| {
                    block.append(&new).expect("an append");
                    block.checkpoint(last).expect("a checkpoint");
                    block.root().expect("a root")
                })
            }),
        ),
        (
            format!("kvshard, append one at {size}"),
            Box::new(move |round| time(|| append.append(&leaves(size + round, 1)))),
        ),
        (
            format!("kvshard, root at {size}"),
            Box::new(move |_| time(|| root.root())),
        ),
        (
            format!("kvshard, witness at {size}"),
            Box::new(move |round| time(|| witness.witness(round * 7919 % size))),
        ),
    ]
}

fn main() {
    let asked: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if asked.is_empty() {
        vec![1_000, 1_000_000]
    } else {
        asked
    };
    println!("{:32} {:>12}      {:>9}", "", "median", "speed");
    for size in sizes {
        let mut subjects = vec![frontier(size)];
        if size <= 1_000 {
            subjects.push(shard_tree(size));
        }
        subjects.extend(ours(size));
        compare(&mut subjects);
        println!();
    }
}
