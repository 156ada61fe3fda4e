//! A wallet's own tree, made from answers that do not name its note: each way of docs/wallets.md
//! comes to the chain's root and witness. What it downloads and hashes is counted.

use std::cell::Cell;
use std::time::Instant;

use incrementalmerkletree::frontier::NonEmptyFrontier;
use incrementalmerkletree::{Address, Hashable, Level, Marking, Position, Retention};
use kvshard::engine::{Config, Retention as TreeRetention, TreeFrontier};
use kvshard::hash::OrchardNode;
use kvshard::kv::MemKv;
use kvshard_testkit::cases::{cases, for_seeds};
use kvshard_testkit::complete::fold;
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::{Tree, open};
use rand::RngExt;
use shardtree::ShardTree;
use shardtree::store::memory::MemoryShardStore;

/// The height of a stock wallet's shards, which are Zcash's subtrees.
const SUBTREE: u8 = 16;
/// The level of the finest nodes that a wallet here asks for.
const BUCKET: u8 = 8;

thread_local!(static HASHES: Cell<u64> = const { Cell::new(0) });

/// A node whose hashes are counted.
#[derive(Clone, Debug, PartialEq)]
struct Counted<H>(H);

impl<H: Hashable> Hashable for Counted<H> {
    fn empty_leaf() -> Self {
        Counted(H::empty_leaf())
    }

    fn combine(level: Level, a: &Self, b: &Self) -> Self {
        HASHES.set(HASHES.get() + 1);
        Counted(H::combine(level, &a.0, &b.0))
    }

    fn empty_root(level: Level) -> Self {
        Counted(H::empty_root(level))
    }
}

/// What a wallet knows when it wants to spend.
struct Wallet<H: TestNode> {
    chain: Tree<MemKv, H, 32>,
    size: u64,
    note: u64,
    own: ShardTree<MemoryShardStore<Counted<H>, u32>, 32, SUBTREE>,
    /// Nodes that came from the chain.
    nodes: u64,
}

impl<H: TestNode> Wallet<H> {
    fn new(chain: Tree<MemKv, H, 32>, size: u64, note: u64) -> Self {
        let own = ShardTree::new(MemoryShardStore::empty(), 10);
        Wallet {
            chain,
            size,
            note,
            own,
            nodes: 0,
        }
    }

    fn ask(&mut self, level: u8, first: u64, count: u64) -> Vec<H> {
        self.nodes += count;
        self.chain.nodes(level, first, count).unwrap()
    }

    /// Roots of complete subtrees, except one.
    fn insert_nodes(&mut self, level: u8, first: u64, count: u64, except: u64) {
        for (index, node) in (first..).zip(self.ask(level, first, count)) {
            if index != except {
                let place = Address::from_parts(Level::from(level), index);
                self.own.insert(place, Counted(node)).unwrap();
            }
        }
    }

    fn insert_frontier(&mut self, size: u64, id: u32) {
        let TreeFrontier { leaf, ommers, .. } = self.chain.frontier_at_size(size).unwrap();
        self.nodes += 1 + ommers.len() as u64;
        let frontier = NonEmptyFrontier::from_parts(
            Position::from(size - 1),
            Counted(leaf.expect("there are leaves")),
            ommers.into_iter().map(Counted).collect(),
        );
        let retention = Retention::Checkpoint {
            id,
            marking: self.marking(size - 1),
        };
        self.own
            .insert_frontier_nodes(frontier.unwrap(), retention)
            .unwrap();
    }

    fn marking(&self, position: u64) -> Marking {
        match position == self.note {
            true => Marking::Marked,
            false => Marking::None,
        }
    }

    fn insert_leaves(&mut self, first: u64, end: u64) {
        let mut read = Vec::new();
        while first + (read.len() as u64) < end {
            let at = first + read.len() as u64;
            read.extend(self.ask(0, at, (end - at).min(1 << 16)));
        }
        let kept: Vec<_> = (first..)
            .zip(read)
            .map(|(position, leaf)| {
                let retention = match (self.marking(position), position == self.size - 1) {
                    (marking, true) => Retention::Checkpoint { id: 1, marking },
                    (Marking::Marked, false) => Retention::Marked,
                    _ => Retention::Ephemeral,
                };
                (Counted(leaf), retention)
            })
            .collect();
        self.own
            .batch_insert(Position::from(first), kept.into_iter())
            .unwrap();
    }

    /// The wallet has the root and the witness that the chain has.
    fn assert_right(&mut self) {
        let root = self.chain.root().unwrap();
        let own = self.own.root_at_checkpoint_id(&1).unwrap();
        assert_eq!(own, Some(Counted(root.clone())));
        let note = Position::from(self.note);
        let witness = self.own.witness_at_checkpoint_id(note, &1).unwrap();
        let path: Vec<H> = witness
            .expect("the note is marked")
            .path_elems()
            .iter()
            .map(|node| node.0.clone())
            .collect();
        assert_eq!(Ok(&path), self.chain.witness(self.note).as_ref());
        let leaf = self.chain.leaf(self.note).unwrap();
        assert_eq!(fold(self.note, &leaf, &path), root);
    }
}

/// A way to be able to spend.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Every leaf.
    Everything,
    /// The tree state of a size below the note, and every leaf after it.
    Birthday(u64),
    /// Subtree roots, a frontier, and the leaves of the note's subtree.
    Subtree,
    /// Subtree roots, a frontier, the nodes of level 8 in the note's subtree, and 256 leaves.
    Bucket,
}

impl Way {
    fn go<H: TestNode>(self, w: &mut Wallet<H>) {
        let (size, note) = (w.size, w.note);
        let start = |level: u8| note >> level << level;
        let end = |level: u8| (start(level) + (1 << level)).min(size);
        match self {
            Way::Everything => w.insert_leaves(0, size),
            Way::Birthday(0) => w.insert_leaves(0, size),
            Way::Birthday(birthday) => {
                w.insert_frontier(birthday, 0);
                w.insert_leaves(birthday, size);
            }
            Way::Subtree => {
                w.insert_nodes(SUBTREE, 0, size >> SUBTREE, note >> SUBTREE);
                w.insert_frontier(size, 1);
                w.insert_leaves(start(SUBTREE), end(SUBTREE));
            }
            Way::Bucket => {
                w.insert_nodes(SUBTREE, 0, size >> SUBTREE, note >> SUBTREE);
                let first = start(SUBTREE) >> BUCKET;
                let complete = (end(SUBTREE) >> BUCKET) - first;
                w.insert_nodes(BUCKET, first, complete, note >> BUCKET);
                w.insert_frontier(size, 1);
                w.insert_leaves(start(BUCKET), end(BUCKET));
            }
        }
        w.assert_right();
    }
}

/// The bytes that a way downloads, and its hashes.
fn cost<H: TestNode>(way: Way, size: u64, note: u64) -> (u64, u64) {
    let config = Config {
        max_checkpoints: 4,
        retention: TreeRetention::Marked,
        ..Config::default()
    };
    let mut chain = open::<_, H, 32>(MemKv::new(), config);
    chain.append(&leaves(0, size)).unwrap();
    let mut wallet = Wallet::new(chain, size, note);
    HASHES.set(0);
    let begin = Instant::now();
    way.go(&mut wallet);
    let (bytes, hashes) = (32 * wallet.nodes, HASHES.get());
    let seconds = begin.elapsed().as_secs_f64();
    println!("{way:?} of {size}: {bytes} bytes, {hashes} hashes, {seconds:.2} s");
    (bytes, hashes)
}

#[test]
fn each_way_comes_to_root_and_witness() {
    for_seeds("each_way_comes_to_root_and_witness", 400, cases(4), |rng| {
        for size in [
            1, 2, 255, 256, 257, 65_536, 65_537, 70_000, 131_072, 200_000,
        ] {
            let note = rng.random_range(0..size);
            let birthday = rng.random_range(0..=note);
            for way in [
                Way::Everything,
                Way::Birthday(birthday),
                Way::Subtree,
                Way::Bucket,
            ] {
                cost::<CheapNode>(way, size, note);
            }
        }
        for way in [
            Way::Everything,
            Way::Birthday(100),
            Way::Subtree,
            Way::Bucket,
        ] {
            cost::<OrchardNode>(way, 600, 300);
        }
    });
}

/// Ways at 200,000 leaves with the note at 100,000; the table of docs/wallets.md.
const WAYS: [(Way, u64, u64); 4] = [
    (Way::Everything, 6_400_000, 200_047),
    (Way::Birthday(99_000), 3_232_320, 101_163),
    (Way::Subtree, 2_097_632, 65_585),
    (Way::Bucket, 16_864, 560),
];

#[test]
fn the_costs_are_those_of_the_guide() {
    for (way, bytes, hashes) in WAYS {
        assert_eq!(
            cost::<CheapNode>(way, 200_000, 100_000),
            (bytes, hashes),
            "{way:?}"
        );
    }
}

#[test]
#[ignore = "a minute of Sinsemilla, for its times only: make figures-wallet"]
fn the_times_of_the_guide() {
    for (way, _, _) in WAYS {
        cost::<OrchardNode>(way, 200_000, 100_000);
    }
}
