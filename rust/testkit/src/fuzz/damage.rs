//! A sound store with arbitrary changes to its records; then every call.

use std::sync::OnceLock;

use kvshard::engine::{Config, Retention, Threads, TreeFrontier};
use kvshard::error::Error;
use kvshard::keys;
use kvshard::kv::MemKv;

use crate::input::Input;
use crate::node::{CheapNode, TestNode, leaves};
use crate::open;
use crate::strict::StrictKv;

type Tree<'a> = crate::Tree<&'a mut StrictKv, CheapNode, 32>;

const CONFIG: Config = Config {
    max_checkpoints: 3,
    retention: Retention::Marked,
    threads: Threads::AtMost(1),
};

/// The bytes give the damage first, then the arguments of the calls.
pub fn damage(data: &[u8]) {
    let mut input = Input(data);
    let shapes = shapes();
    let mut store = shapes[usize::from(input.byte()) % shapes.len()].clone();
    for _ in 0..1 + input.byte() % 6 {
        change(&mut store, &mut input);
    }
    let position = argument(&store, &mut input);
    let id = input.long() as u32 % 12;
    let batch = usize::from(input.byte());

    let sound = matches!(call(&store, |tree| tree.check()), Ok(found) if found.is_empty());
    let mut errors = vec![];
    let mut tell = |name, outcome: Option<Error>| errors.extend(outcome.map(|error| (name, error)));
    tell("size", call(&store, |t| t.size()).err());
    tell("root", call(&store, |t| t.root()).err());
    tell("leaf", call(&store, |t| t.leaf(position)).err());
    tell("witness", call(&store, |t| t.witness(position)).err());
    tell("frontier", call(&store, |t| t.frontier()).err());
    tell("past", call(&store, |t| t.frontier_at_size(position)).err());
    let level = (id % 8) as u8;
    let nodes = call(&store, |t| t.nodes(level, position >> level, batch as u64));
    tell("nodes", nodes.err());
    tell("newest", call(&store, |t| t.newest()).err());
    tell("checkpoints", call(&store, |t| t.checkpoints()).err());
    tell(
        "append",
        call(&store, |t| t.append(&new_leaves(batch))).err(),
    );
    for id in [id, 3, 10] {
        tell("checkpoint", call(&store, |t| t.checkpoint(id)).err());
        tell("size_at", call(&store, |t| t.size_at(id)).err());
        tell("root_at", call(&store, |t| t.root_at(id)).err());
        tell("frontier_at", call(&store, |t| t.frontier_at(id)).err());
        tell(
            "witness",
            call(&store, |t| t.witness_at(position, id)).err(),
        );
        tell("rewind", call(&store, |t| t.rewind(id)).err());
        tell("retain", call(&store, |t| t.retain_checkpoint(id)).err());
        tell("release", call(&store, |t| t.release_checkpoint(id)).err());
        tell(
            "remove",
            call(&store, |t| t.remove_mark(position, id)).err(),
        );
    }
    let frontier = TreeFrontier {
        size: 3,
        leaf: Some(CheapNode::leaf(1)),
        ommers: new_leaves(1),
    };
    tell(
        "start",
        call(&store, |t| t.insert_frontier(&frontier, 12)).err(),
    );
    let _ = call(&store, |t| t.dump());
    if sound {
        errors.retain(|(name, error)| !is_right(name, error));
        assert!(errors.is_empty(), "check finds nothing, but: {errors:?}");
    }
}

/// Whether this call may fail with this error on a sound store.
fn is_right(name: &str, error: &Error) -> bool {
    match error {
        Error::CheckpointNotFound { .. } | Error::CheckpointOrder { .. } => true,
        Error::PositionNotFound { .. } => ["leaf", "witness", "remove"].contains(&name),
        Error::Pruned { .. } => ["leaf", "witness", "past"].contains(&name),
        Error::SizeNotReached { .. } => name == "past",
        Error::NodeNotFound { .. } | Error::NodePruned { .. } => name == "nodes",
        Error::TreeFull { .. } => name == "append",
        Error::NotEmpty { .. } => name == "start",
        _ => false,
    }
}

fn new_leaves(count: usize) -> Vec<CheapNode> {
    leaves(1 << 40, count as u64)
}

/// One call on a copy of the store. Records and arguments bound the operations that it may do.
fn call<T>(store: &MemKv, run: impl FnOnce(&mut Tree) -> Result<T, Error>) -> Result<T, Error> {
    let budget = 4 * store.records().len() as u64 + 400;
    let mut kv = StrictKv::damaged(store.clone()).at_most(budget);
    let outcome = run(&mut open(&mut kv, CONFIG));
    kv.assert_kept();
    outcome
}

/// A position near a leaf of the store, or any position.
fn argument(store: &MemKv, input: &mut Input) -> u64 {
    let any = input.long();
    match any % 4 {
        0 => any,
        _ => {
            let tip = store.records().get(&keys::tip());
            let size = tip.and_then(|tip| tip.get(2..10)?.try_into().ok());
            let size = u64::from_le_bytes(size.unwrap_or_default());
            size.saturating_sub((any >> 2) % 600)
        }
    }
}

fn change(store: &mut MemKv, input: &mut Input) {
    let records = store.records_mut();
    let names: Vec<_> = records.keys().cloned().collect();
    let Some(key) = pick(&names, input).cloned() else {
        return;
    };
    let kind = input.byte() % 9;
    let at = usize::from(input.short());
    let Some(value) = records.get_mut(&key) else {
        return;
    };
    match kind {
        0 if !value.is_empty() => {
            let at = at % value.len();
            value[at] ^= input.byte();
        }
        1 => value.truncate(at % (value.len() + 1)),
        2 => value.extend_from_slice(input.bytes()),
        3 => {
            records.remove(&key);
        }
        4 => {
            let other = pick(&names, input).cloned().unwrap_or_default();
            let theirs = records.get(&other).cloned().unwrap_or_default();
            if let Some(mine) = records.insert(key, theirs) {
                records.insert(other, mine);
            }
        }
        // A number.
        5 if value.len() >= 8 => {
            let at = at % (value.len() - 7);
            let number = input.long();
            value[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        6 => *value = input.bytes().to_vec(),
        // A new record of some kind.
        7 => {
            let mut key = vec![0x0f + input.byte() % 7];
            key.extend_from_slice(input.bytes());
            let value = input.bytes().to_vec();
            records.insert(key, value);
        }
        // A copy under another key of its kind.
        8 => {
            let value = value.clone();
            let mut key = key;
            let at = at % key.len();
            key[at] = key[at].wrapping_add(input.byte());
            records.insert(key, value);
        }
        _ => {}
    }
}

fn pick<'a>(names: &'a [Vec<u8>], input: &mut Input) -> Option<&'a Vec<u8>> {
    match names.len() {
        0 => None,
        n => names.get(usize::from(input.byte()) % n),
    }
}

/// Sound stores: empty, one leaf, part of a shard, many shards, pruned, retained, from a frontier,
/// full.
fn shapes() -> &'static [MemKv] {
    static SHAPES: OnceLock<Vec<MemKv>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let build = |start: u64, blocks: &[usize], retention, marks: bool| {
            let config = Config {
                retention,
                ..CONFIG
            };
            let mut tree = open::<_, CheapNode, 32>(MemKv::new(), config);
            let done = "a sound store";
            tree.checkpoint(1).expect(done);
            if start > 0 {
                let frontier = TreeFrontier {
                    size: start,
                    leaf: Some(CheapNode::leaf(9)),
                    ommers: new_leaves((start - 1).count_ones() as usize),
                };
                tree.insert_frontier(&frontier, 2).expect(done);
            }
            for (block, id) in blocks.iter().zip(3..) {
                tree.append(&new_leaves(*block)).expect(done);
                tree.checkpoint(id).expect(done);
                if id == 3 {
                    tree.retain_checkpoint(id).expect(done);
                }
                if marks {
                    let size = tree.size().expect(done);
                    tree.remove_mark(size - 1, id).expect(done);
                    tree.remove_mark(size / 2, id).expect(done);
                }
            }
            tree.append(&new_leaves(blocks.len())).expect(done);
            tree.into_kv()
        };
        use Retention::{Ephemeral, Marked};
        vec![
            MemKv::new(),
            build(0, &[1], Marked, false),
            build(0, &[5, 2, 3], Ephemeral, false),
            build(0, &[20, 30, 90, 300, 5], Marked, true),
            build(0, &[20, 130, 1, 300, 5, 700], Ephemeral, false),
            build(1000, &[3, 40, 100, 7], Marked, true),
            build((1 << 32) - 150, &[3, 40, 100], Marked, false),
            build(0x1234_5678, &[1, 1, 600, 1, 1], Ephemeral, false),
        ]
    })
}
