//! What must hold for every history. The same content has the same bytes. A rewind leaves no trace.
//! A call that fails before its first write changes nothing. Writes come last, each key once, in
//! key order, and only where something changes. `check` finds nothing to report.

use kvshard::engine::{Config, Retention, TreeFrontier};
use kvshard::error::{Error, KvError};
use kvshard::hash::OrchardNode;
use kvshard::keys;
use kvshard::kv::MemKv;
use kvshard_testkit::call::{Answer, Call};
use kvshard_testkit::cases::{for_seeds, pick};
use kvshard_testkit::history::History;
use kvshard_testkit::model::Model;
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::open;
use kvshard_testkit::step::Kind;
use kvshard_testkit::strict::{Seen, StrictKv};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

fn run_all<H: TestNode, const DEPTH: u8>(calls: &[Call<H>], max_checkpoints: u32) -> MemKv {
    let mut kv = MemKv::new();
    for call in calls {
        call.run::<_, DEPTH>(&mut kv, max_checkpoints).unwrap();
    }
    kv
}

fn assert_sound<H: TestNode, const DEPTH: u8>(kv: &mut MemKv) {
    let mut tree = open::<_, H, DEPTH>(kv, Config::default());
    let violations = tree.check().unwrap();
    assert!(violations.is_empty(), "{violations:#?}");
}

/// The same leaves in other calls: each append is cut at random, and neighbours of one retention
/// are joined.
fn split_anew<H: TestNode>(rng: &mut ChaCha8Rng, calls: &[Call<H>], single: bool) -> Vec<Call<H>> {
    let mut joined: Vec<Call<H>> = vec![];
    for call in calls {
        match (joined.last_mut(), call) {
            (Some(Call::Append(before, r)), Call::Append(leaves, retention)) if r == retention => {
                before.extend_from_slice(leaves);
            }
            _ => joined.push(call.clone()),
        }
    }
    let mut split = vec![];
    for call in joined {
        let Call::Append(mut rest, retention) = call else {
            split.push(call);
            continue;
        };
        while !rest.is_empty() {
            let count = match single {
                true => 1,
                false => rng.random_range(1..=rest.len()),
            };
            let tail = rest.split_off(count);
            split.push(Call::Append(rest, retention));
            rest = tail;
        }
    }
    split
}

fn same_content_same_bytes<H: TestNode, const DEPTH: u8>(
    rng: &mut ChaCha8Rng,
    mut history: History<H>,
    length: usize,
) {
    let max = history.model.max_checkpoints;
    let calls = history.calls(rng, length);
    let mut kv = run_all::<H, DEPTH>(&calls, max);
    assert_sound::<H, DEPTH>(&mut kv);
    let single = run_all::<H, DEPTH>(&split_anew(rng, &calls, true), max);
    assert_eq!(single, kv, "one by one");
    for _ in 0..2 {
        let split = run_all::<H, DEPTH>(&split_anew(rng, &calls, false), max);
        assert_eq!(split, kv, "split anew");
    }
}

fn history<H: TestNode>(rng: &mut ChaCha8Rng, depth: u8) -> History<H> {
    let model = Model::new(depth, *pick(rng, &[1, 2, 3, 5, 20]), 0);
    let kind = Kind {
        marked: *pick(rng, &[0.0, 0.5, 0.9, 1.0]),
        batch: *pick(rng, &[3, 20, 60, 300]),
    };
    History::new(model, kind)
}

/// As [`history`], but short enough for Orchard's hash.
fn short_history(rng: &mut ChaCha8Rng, capacity: u64) -> History<OrchardNode> {
    let mut history = history(rng, 32);
    history.kind.batch = 12;
    history.capacity = capacity;
    history
}

#[test]
fn same_content_same_bytes_strings() {
    for_seeds("same_content_same_bytes_strings", 0, 60, |rng| {
        let history = history(rng, 10);
        same_content_same_bytes::<String, 10>(rng, history, 40);
    });
}

#[test]
fn same_content_same_bytes_numbers() {
    for_seeds("same_content_same_bytes_numbers", 1000, 300, |rng| {
        let history = history(rng, 12);
        same_content_same_bytes::<CheapNode, 12>(rng, history, 60);
    });
}

#[test]
fn same_content_same_bytes_orchard() {
    for_seeds("same_content_same_bytes_orchard", 2000, 8, |rng| {
        let history = short_history(rng, 200);
        same_content_same_bytes::<OrchardNode, 32>(rng, history, 12);
    });
}

/// Append, make a checkpoint, note the store. Then make any calls, except those that change or
/// prune an older checkpoint. A rewind gives back the noted store.
fn rewind_leaves_no_trace<H: TestNode, const DEPTH: u8>(
    rng: &mut ChaCha8Rng,
    mut history: History<H>,
    length: usize,
) {
    history.model.max_checkpoints = 1000;
    let mut kv = run_all::<H, DEPTH>(&history.calls(rng, length), 1000);
    let target = history.checkpoint(rng);
    target.run::<_, DEPTH>(&mut kv, 1000).unwrap();
    let Call::Checkpoint(id) = target else {
        panic!("{target:?}");
    };
    let before = kv.clone();

    for _ in 0..length {
        let call = history.call_that(rng, |call| match call {
            Call::Rewind(other) | Call::RemoveMark(_, other) => *other >= id,
            Call::Retain(other) | Call::Release(other) => *other > id,
            _ => true,
        });
        call.run::<_, DEPTH>(&mut kv, 1000).unwrap();
    }
    Call::<H>::Rewind(id)
        .run::<_, DEPTH>(&mut kv, 1000)
        .unwrap();
    assert_eq!(kv, before);
    assert_sound::<H, DEPTH>(&mut kv);
}

#[test]
fn rewind_leaves_no_trace_numbers() {
    for_seeds("rewind_leaves_no_trace_numbers", 3000, 400, |rng| {
        let history = history(rng, 11);
        rewind_leaves_no_trace::<CheapNode, 11>(rng, history, 30);
    });
}

#[test]
fn rewind_leaves_no_trace_strings() {
    for_seeds("rewind_leaves_no_trace_strings", 4000, 50, |rng| {
        let history = history(rng, 10);
        rewind_leaves_no_trace::<String, 10>(rng, history, 20);
    });
}

#[test]
fn rewind_leaves_no_trace_orchard() {
    for_seeds("rewind_leaves_no_trace_orchard", 5000, 6, |rng| {
        let history = short_history(rng, 250);
        rewind_leaves_no_trace::<OrchardNode, 32>(rng, history, 8);
    });
}

/// Questions asked in the middle of a history.
fn questions<H: TestNode>(rng: &mut ChaCha8Rng, model: &Model<H>) -> Vec<Call<H>> {
    let mut calls = vec![
        Call::Size,
        Call::Root,
        Call::Frontier,
        Call::Checkpoints,
        Call::Newest,
        Call::Check,
        Call::Dump,
    ];
    let level = rng.random_range(0..6);
    let complete = model.size() >> level;
    calls.push(Call::Nodes(level, rng.random_range(0..=complete), 0));
    if model.size() > 0 {
        let position = rng.random_range(0..model.size());
        calls.extend([Call::Leaf(position), Call::Witness(position)]);
    }
    if let [.., newest] = model.checkpoints() {
        let id = newest.id;
        calls.extend([Call::SizeAt(id), Call::RootAt(id), Call::FrontierAt(id)]);
        if level >= 4 {
            calls.push(Call::Nodes(level, 0, complete));
        }
        if newest.size > 0 {
            let position = rng.random_range(0..newest.size);
            calls.push(Call::WitnessAt(position, newest.id));
        }
    }
    calls
}

/// What each call may do to the store.
fn assert_disciplined<H: TestNode>(call: &Call<H>, seen: &Seen, no_tip: bool) {
    assert!(seen.broken.is_empty(), "{call:?}: {:#?}", seen.broken);
    let writes = matches!(
        call,
        Call::Append(..)
            | Call::Checkpoint(_)
            | Call::Rewind(_)
            | Call::Retain(_)
            | Call::Release(_)
            | Call::RemoveMark(..)
            | Call::InsertFrontier(..)
    );
    assert!(writes || seen.writes == 0, "{call:?} writes");
    let iterators = match call {
        Call::Check | Call::Dump => 11,
        // For what is pruned, one before the lowest retained checkpoint and one behind it; and one
        // for the removed marks that wait.
        Call::Checkpoint(_) => 3,
        // The same two for what is pruned next, and one for what follows the lowest retained
        // checkpoint.
        Call::Retain(_) => 3,
        Call::Checkpoints | Call::Rewind(_) | Call::Release(_) => 2,
        // Without a summary, a look for a foreign checkpoint.
        Call::Newest => 1,
        _ => 0,
    };
    // Without a tip, a look for foreign shards.
    let iterators = iterators + u64::from(no_tip);
    assert!(
        seen.iterators <= iterators,
        "{call:?} opens {} iterators",
        seen.iterators
    );
}

/// One engine for all calls and one for each: the same operations in the same order, each call
/// disciplined.
fn disciplined<H: TestNode, const DEPTH: u8>(
    rng: &mut ChaCha8Rng,
    mut history: History<H>,
    length: usize,
) {
    let max = history.model.max_checkpoints;
    let config = |retention| Config {
        max_checkpoints: max,
        retention,
        ..Config::default()
    };
    // Retention is an option of the engine, so each retention gets a long-lived engine.
    let retention = *pick(rng, &[Retention::Ephemeral, Retention::Marked]);
    history.kind.marked = f64::from(u8::from(retention == Retention::Marked));
    let mut long = open::<_, H, DEPTH>(StrictKv::default(), config(retention));
    let mut fresh = StrictKv::default();
    for _ in 0..length {
        let mut calls = vec![history.call(rng)];
        calls.extend(questions(rng, &history.model));
        for call in calls {
            let no_tip = !fresh.inner.records().contains_key(&keys::tip());
            let ours = call.run_on(&mut long);
            let mut opened = open::<_, H, DEPTH>(&mut fresh, config(retention));
            let theirs = call.run_on(&mut opened);
            assert_eq!(opened.hashes(), long.hashes(), "{call:?}");
            assert_eq!(ours, theirs);
            if matches!(call, Call::Check) {
                assert_eq!(ours, Ok(Answer::Text(String::new())));
            }
            let (ours, theirs) = (long.kv_mut().begin(), fresh.begin());
            assert_eq!(ours.trace, theirs.trace, "{call:?}");
            assert_disciplined(&call, &ours, no_tip);
        }
    }
    assert_eq!(long.kv().inner, fresh.inner);
}

#[test]
fn disciplined_numbers() {
    for_seeds("disciplined_numbers", 6000, 150, |rng| {
        let history = history(rng, 11);
        disciplined::<CheapNode, 11>(rng, history, 50);
    });
}

#[test]
fn disciplined_strings() {
    for_seeds("disciplined_strings", 7000, 15, |rng| {
        let history = history(rng, 9);
        disciplined::<String, 9>(rng, history, 40);
    });
}

#[test]
fn disciplined_orchard() {
    for_seeds("disciplined_orchard", 8000, 3, |rng| {
        let history = short_history(rng, 150);
        disciplined::<OrchardNode, 32>(rng, history, 8);
    });
}

/// The calls of a block (10 leaves, a checkpoint and the root) open one iterator, to find what is
/// pruned. The first leaves of a tree cost one more, to look for foreign shards.
#[test]
fn a_block_opens_one_iterator() {
    for retention in [Retention::Marked, Retention::Ephemeral] {
        for max_checkpoints in [1, 2, 7, 100] {
            let config = Config {
                max_checkpoints,
                retention,
                ..Config::default()
            };
            let mut tree = open::<_, CheapNode, 32>(StrictKv::default(), config);
            for block in 1..=400 {
                tree.append(&leaves(10 * u64::from(block), 10)).unwrap();
                tree.checkpoint(block).unwrap();
                tree.root().unwrap();
                let seen = tree.kv_mut().begin();
                let pruned = block > max_checkpoints;
                let into_nothing = block == 1;
                assert_eq!(
                    seen.iterators,
                    u64::from(pruned) + u64::from(into_nothing),
                    "{config:?}, block {block}"
                );
            }
        }
    }
}

/// A script of every public call. Calls that write occur in several situations.
fn every_call<H: TestNode>() -> Vec<Call<H>> {
    use Retention::{Ephemeral, Marked};
    vec![
        Call::Check,
        Call::Root,
        Call::Append(leaves(0, 20), Marked),
        Call::Checkpoint(1),
        Call::Append(leaves(20, 3), Ephemeral),
        Call::Checkpoint(2),
        Call::Append(leaves(23, 1), Ephemeral),
        Call::Checkpoint(3),
        Call::Retain(2),
        Call::Append(leaves(24, 110), Marked),
        Call::RemoveMark(4, 3),
        Call::RemoveMark(19, 2),
        Call::Checkpoint(4),
        Call::Checkpoint(300),
        Call::Append(leaves(134, 130), Marked),
        Call::Size,
        Call::SizeAt(300),
        Call::Root,
        Call::RootAt(4),
        Call::Leaf(140),
        Call::Witness(30),
        Call::WitnessAt(50, 4),
        Call::Checkpoints,
        Call::Newest,
        Call::Frontier,
        Call::FrontierAt(4),
        Call::FrontierAtSize(100),
        Call::Nodes(0, 24, 40),
        Call::Nodes(2, 6, 50),
        Call::Nodes(6, 0, 4),
        Call::Check,
        Call::Dump,
        Call::Checkpoint(301),
        Call::Release(2),
        Call::Checkpoint(302),
        Call::Append(leaves(264, 2), Ephemeral),
        Call::Checkpoint(303),
        Call::Rewind(302),
        Call::Checkpoint(304),
        Call::Append(leaves(264, 17), Marked),
        Call::Rewind(302),
    ]
}

/// A frontier, then calls on the tree that starts from it.
fn calls_from_a_frontier<H: TestNode>(size: u64) -> Vec<Call<H>> {
    let frontier = TreeFrontier {
        size,
        leaf: Some(H::leaf(1)),
        ommers: leaves(500, (size - 1).count_ones().into()),
    };
    vec![
        Call::InsertFrontier(frontier, 5, Retention::Marked),
        Call::Append(leaves(0, 20), Retention::Marked),
        Call::Checkpoint(6),
        Call::Append(leaves(20, 150), Retention::Marked),
        Call::Witness(size + 3),
        Call::Frontier,
        Call::FrontierAt(6),
        Call::FrontierAtSize(size + 9),
        Call::Nodes(4, (size >> 4) + 1, 3),
        Call::Newest,
        Call::Check,
        Call::Dump,
        Call::Rewind(6),
        Call::Rewind(5),
    ]
}

fn faults<H: TestNode, const DEPTH: u8>(calls: &[Call<H>]) -> u64 {
    let mut start = MemKv::new();
    let mut injected = 0;
    for call in calls {
        let mut sound = StrictKv::over(start.clone());
        let answer = call.run::<_, DEPTH>(&mut sound, 2);
        let seen = sound.begin();
        assert!(answer.is_ok(), "{call:?}: {answer:?}");
        for at in 0..seen.operations() {
            let mut failing = StrictKv::failing(start.clone(), at);
            let outcome = call.run::<_, DEPTH>(&mut failing, 2);
            let failed = failing.begin();
            let store_failed = matches!(&outcome, Err(Error::Kv(KvError::Store { .. })));
            assert!(store_failed, "{call:?}, operation {at}: {outcome:?}");
            assert_eq!(
                failed.operations(),
                at + 1,
                "{call:?} goes on after operation {at}"
            );
            assert!(failed.broken.is_empty(), "{:#?}", failed.broken);
            if failed.writes == 0 {
                assert_eq!(failing.inner, start, "{call:?}, operation {at}");
            }
            injected += 1;
        }
        let mut again = start.clone();
        assert_eq!(call.run::<_, DEPTH>(&mut again, 2), answer);
        assert_eq!(again, sound.inner);
        start = again;
    }
    injected
}

#[test]
fn a_fault_at_every_operation() {
    let mut injected = faults::<CheapNode, 20>(&every_call());
    injected += faults::<String, 10>(&every_call());
    injected += faults::<OrchardNode, 32>(&every_call::<OrchardNode>()[..8]);
    for size in [1, 16, 17, 100, 128, 129, 1000] {
        injected += faults::<CheapNode, 20>(&calls_from_a_frontier(size));
    }
    assert!(injected > 400, "{injected} faults");
}

/// Refused calls never write, whatever they read.
#[test]
fn a_refused_call_writes_nothing() {
    let mut kv = run_all::<CheapNode, 5>(
        &[
            Call::Append(leaves(0, 9), Retention::Ephemeral),
            Call::Checkpoint(5),
            Call::Append(leaves(9, 20), Retention::Ephemeral),
            Call::Checkpoint(7),
        ],
        3,
    );
    let full = Error::TreeFull { size: 29, count: 4 };
    let order = |id| Error::CheckpointOrder { id, newest: 7 };
    let beyond = |position, size| Error::PositionNotFound { position, size };
    let unknown = Error::CheckpointNotFound { id: 6 };
    let frontier = TreeFrontier::empty();
    let refused: Vec<(Call<CheapNode>, Error)> = vec![
        (Call::Append(leaves(0, 4), Retention::Marked), full),
        (Call::Checkpoint(7), order(7)),
        (Call::Checkpoint(0), order(0)),
        (Call::Leaf(29), beyond(29, 29)),
        (Call::Leaf(u64::MAX), beyond(u64::MAX, 29)),
        (Call::Leaf(0), Error::Pruned { position: 0 }),
        (Call::Witness(29), beyond(29, 29)),
        (Call::Witness(3), Error::Pruned { position: 3 }),
        (Call::WitnessAt(9, 5), beyond(9, 9)),
        (Call::WitnessAt(9, 6), unknown.clone()),
        (Call::RootAt(6), unknown.clone()),
        (Call::SizeAt(6), unknown.clone()),
        (Call::FrontierAt(6), unknown.clone()),
        (
            Call::FrontierAtSize(30),
            Error::SizeNotReached {
                asked: 30,
                size: 29,
            },
        ),
        (Call::FrontierAtSize(4), Error::Pruned { position: 3 }),
        (
            Call::Nodes(3, 2, 2),
            Error::NodeNotFound {
                level: 3,
                index: 3,
                size: 29,
            },
        ),
        (
            Call::Nodes(1, 0, 2),
            Error::NodePruned { level: 1, index: 0 },
        ),
        (Call::Rewind(6), unknown.clone()),
        (Call::Retain(6), unknown.clone()),
        (Call::Release(6), unknown.clone()),
        (Call::RemoveMark(0, 6), unknown),
        (Call::RemoveMark(9, 5), beyond(9, 9)),
        (
            Call::InsertFrontier(frontier, 8, Retention::Marked),
            Error::NotEmpty { size: 29 },
        ),
    ];
    for (call, error) in refused {
        let mut strict = StrictKv::over(kv.clone());
        assert_eq!(call.run::<_, 5>(&mut strict, 3), Err(error), "{call:?}");
        assert_eq!(strict.begin().writes, 0, "{call:?}");
    }
    assert_sound::<CheapNode, 5>(&mut kv);
    let mut strict = StrictKv::over(kv);
    let none: Call<CheapNode> = Call::Append(vec![], Retention::Marked);
    assert_eq!(none.run::<_, 5>(&mut strict, 3), Ok(Answer::Number(29)));
    assert_eq!(strict.begin().writes, 0);
}
