//! Records that a hostile database made up must not raise what a call costs.

use kvshard::engine::{Config, TreeFrontier};
use kvshard::error::{Error, KvError};
use kvshard::hash::OrchardNode;
use kvshard::keys;
use kvshard::kv::{Direction, Entries, Kv, MemKv};
use kvshard_testkit::open;
use std::cell::Cell;
use std::rc::Rc;

type Tree = kvshard_testkit::Tree<MemKv, OrchardNode, 32>;

fn leaf(byte: u8) -> OrchardNode {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    OrchardNode::from_bytes(&bytes).expect("below the modulus")
}

fn corrupt_key<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Vec<u8> {
    match outcome {
        Err(Error::Kv(KvError::Corrupt { key, .. })) => key,
        other => panic!("{other:?}"),
    }
}

/// A tip of 2^32 leaves and a cap of that shape, over a tree of one leaf: a rewind must not delete
/// 2^28 shards that do not exist.
#[test]
fn a_rewind_believes_no_size() {
    let mut tree: Tree = open(MemKv::new(), Config::default());
    tree.checkpoint(1).expect("sound");
    tree.append(&[leaf(1)]).expect("sound");
    let mut tip = vec![1, 1];
    tip.extend_from_slice(&(1u64 << 32).to_le_bytes());
    let mut cap = vec![1, 1];
    cap.extend_from_slice(leaf(1).as_bytes());
    cap.push(0);
    let mut kv = tree.into_kv();
    kv.records_mut().insert(keys::tip(), tip);
    kv.records_mut().insert(keys::cap(), cap);
    let before = kv.clone();
    let mut tree: Tree = open(kv, Config::default());
    assert_eq!(corrupt_key(tree.rewind(1)), keys::shard((1 << 28) - 1));
    assert_eq!(*tree.kv(), before);
}

/// A checkpoint of a size that the tree never had: the tree began with a frontier of more leaves.
#[test]
fn no_checkpoint_lies_before_the_frontier() {
    let mut tree: Tree = open(MemKv::new(), Config::default());
    let frontier = TreeFrontier {
        size: (1 << 32) - 100,
        leaf: Some(leaf(1)),
        ommers: (0..((1u64 << 32) - 101).count_ones())
            .map(|i| leaf(i as u8))
            .collect(),
    };
    tree.insert_frontier(&frontier, 7).expect("sound");
    tree.append(&[leaf(2)]).expect("sound");
    let mut kv = tree.into_kv();
    let mut checkpoint = vec![1];
    checkpoint.extend_from_slice(&20u64.to_le_bytes());
    checkpoint.extend_from_slice(&[0; 4]);
    kv.records_mut().insert(keys::checkpoint(7), checkpoint);
    let mut tree: Tree = open(kv, Config::default());
    let key = keys::checkpoint(7);
    assert_eq!(corrupt_key(tree.size_at(7)), key);
    assert_eq!(corrupt_key(tree.root_at(7)), key);
    assert_eq!(corrupt_key(tree.witness_at(3, 7)), key);
    assert_eq!(corrupt_key(tree.rewind(7)), key);
    assert_eq!(corrupt_key(tree.checkpoints()), key);
    let found = tree.check().expect("readable");
    assert!(
        found
            .iter()
            .any(|v| v.invariant == "checkpoints" && v.key == key)
    );
}

/// A store whose listings of one kind never end: they repeat their first entry, or go back to it.
#[derive(Debug)]
struct Endless {
    inner: MemKv,
    kind: u8,
    steps: Rc<Cell<u64>>,
}

impl Kv for Endless {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.inner.get(key)
    }
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        self.inner.set(key, value)
    }
    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        self.inner.delete(key)
    }
    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        let entries: Vec<_> = self
            .inner
            .iterate(prefix, direction)?
            .collect::<Result<_, _>>()?;
        if prefix.first() != Some(&self.kind) {
            return Ok(Box::new(entries.into_iter().map(Ok)));
        }
        let steps = self.steps.clone();
        Ok(Box::new(entries.into_iter().cycle().map(move |entry| {
            steps.set(steps.get() + 1);
            assert!(steps.get() < 10_000, "it is followed for ever");
            Ok(entry)
        })))
    }
}

/// Each kind of record in turn has an endless listing: `check` reports it, and every other call
/// that lists comes to an end.
#[test]
fn a_listing_without_an_end_is_not_followed() {
    let mut tree: Tree = open(MemKv::new(), Config::default());
    tree.append(&(0..200).map(leaf).collect::<Vec<_>>())
        .expect("sound");
    for id in 1..5 {
        tree.checkpoint(id).expect("sound");
    }
    tree.retain_checkpoint(1).expect("sound");
    tree.remove_mark(3, 2).expect("sound");
    tree.checkpoint(5).expect("sound");
    let sound = tree.into_kv();
    for kind in keys::SHARD..=keys::QUAD {
        let steps = Rc::new(Cell::new(0));
        let endless = || Endless {
            inner: sound.clone(),
            kind,
            steps: steps.clone(),
        };
        let config = Config {
            max_checkpoints: 1,
            ..Config::default()
        };
        let mut tree = open::<_, OrchardNode, 32>(endless(), config);
        let found = tree.check().expect("readable");
        let seen = found.iter().any(|v| v.detail == "listed out of order");
        assert!(seen, "{kind:#04x}: {found:?}");
        let _ = tree.dump();
        let _ = tree.checkpoints();
        let _ = open::<_, OrchardNode, 32>(endless(), config).checkpoint(9);
        let _ = open::<_, OrchardNode, 32>(endless(), config).rewind(1);
        let _ = open::<_, OrchardNode, 32>(endless(), config).retain_checkpoint(2);
        assert!(steps.get() < 2_000, "{kind:#04x}: {} steps", steps.get());
    }
}
