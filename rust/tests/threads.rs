//! Trees over separate stores on many threads do not affect each other: each ends as it does alone.

use std::thread;

use kvshard::engine::{Config, Retention, Threads};
use kvshard::hash::OrchardNode;
use kvshard::kv::MemKv;
use kvshard_testkit::call::{Answer, Call};
use kvshard_testkit::cases::cases;
use kvshard_testkit::history::History;
use kvshard_testkit::model::Model;
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::open;
use kvshard_testkit::step::Kind;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A history and its answers: what a thread does.
fn played<H: TestNode, const DEPTH: u8>(
    seed: u64,
    length: usize,
    batch: u16,
) -> (MemKv, Vec<Answer<H>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut history = History::new(Model::new(DEPTH, 3, 0), Kind { marked: 0.5, batch });
    history.capacity = 1 << DEPTH.min(11);
    let mut kv = MemKv::new();
    let mut answers = vec![];
    for _ in 0..length {
        let call: Call<H> = history.call(&mut rng);
        let calls = [
            call,
            Call::Root,
            Call::Frontier,
            Call::Nodes(4, 0, history.model.size() >> 4),
            Call::Newest,
            Call::Checkpoints,
        ];
        for call in calls {
            answers.push(call.run::<_, DEPTH>(&mut kv, 3).unwrap());
        }
    }
    let sound = Call::<H>::Check.run::<_, DEPTH>(&mut kv, 3);
    assert_eq!(sound, Ok(Answer::Text(String::new())));
    (kv, answers)
}

fn side_by_side<H: TestNode + Sync, const DEPTH: u8>(threads: u64, length: usize, batch: u16) {
    let alone: Vec<_> = (0..threads)
        .map(|seed| played::<H, DEPTH>(seed % 8, length, batch))
        .collect();
    let run = |seed: u64| thread::spawn(move || played::<H, DEPTH>(seed % 8, length, batch));
    let running: Vec<_> = (0..threads).map(run).collect();
    for (thread, alone) in running.into_iter().zip(alone) {
        assert!(
            thread.join().unwrap() == alone,
            "a thread ends otherwise than alone"
        );
    }
}

#[test]
fn separate_stores_side_by_side() {
    side_by_side::<CheapNode, 11>(64, 150 * cases(1) as usize, 40);
}

#[test]
fn separate_orchard_trees_side_by_side() {
    side_by_side::<OrchardNode, 32>(16, 6, 8);
}

/// The number of threads that a batch may hash on changes neither the bytes nor the hash count.
#[test]
fn threads_change_nothing() {
    let new: Vec<CheapNode> = leaves(0, 2 * Threads::LARGE_BATCH as u64 + 77);
    let mut alike = vec![];
    for threads in [
        Threads::Auto,
        Threads::AtMost(0),
        Threads::AtMost(1),
        Threads::AtMost(2),
        Threads::AtMost(7),
        Threads::AtMost(1000),
    ] {
        let config = Config {
            max_checkpoints: 1,
            retention: Retention::Ephemeral,
            threads,
        };
        let mut tree = open::<_, CheapNode, 32>(MemKv::new(), config);
        tree.append(&new).unwrap();
        let hashes = tree.hashes();
        alike.push((hashes, tree.root(), tree.into_kv()));
    }
    assert!(alike.windows(2).all(|pair| pair[0] == pair[1]));
    let new: Vec<OrchardNode> = leaves(0, 40);
    let trees = [Threads::AtMost(1), Threads::AtMost(3)].map(|threads| {
        let config = Config {
            threads,
            ..Config::default()
        };
        let mut tree = open::<_, OrchardNode, 32>(MemKv::new(), config);
        tree.append(&new).unwrap();
        (tree.hashes(), tree.root(), tree.into_kv())
    });
    assert_eq!(trees[0], trees[1]);
}
