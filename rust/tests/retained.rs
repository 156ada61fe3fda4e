//! A retained checkpoint keeps proving what it proves until it is released; and what that costs.

use incrementalmerkletree::{Position, Retention as ImtRetention};
use kvshard::codec::{self, Ledger, Summary};
use kvshard::engine::{Config, Retention};
use kvshard::error::Error;
use kvshard::keys;
use kvshard::kv::{Kv, MemKv};
use kvshard_testkit::node::{CheapNode, leaves};
use kvshard_testkit::open;
use shardtree::ShardTree;
use shardtree::store::memory::MemoryShardStore;

const DEPTH: u8 = 20;

type Tree = kvshard_testkit::Tree<MemKv, CheapNode, DEPTH>;

fn tree(max_checkpoints: u32) -> Tree {
    tree_with(max_checkpoints, Retention::Marked)
}

fn tree_with(max_checkpoints: u32, retention: Retention) -> Tree {
    let config = Config {
        max_checkpoints,
        retention,
        ..Config::default()
    };
    open(MemKv::new(), config)
}

/// 20 leaves and checkpoint 1, which is retained; 5 leaves and checkpoint 2; two marks removed as
/// of checkpoint 2; then checkpoint 3, which prunes checkpoint 2.
fn with_removed_marks() -> Tree {
    let mut tree = tree(1);
    tree.append(&leaves(0, 20)).unwrap();
    tree.checkpoint(1).unwrap();
    tree.retain_checkpoint(1).unwrap();
    tree.append(&leaves(20, 5)).unwrap();
    tree.checkpoint(2).unwrap();
    assert_eq!(tree.remove_mark(4, 2), Ok(true));
    assert_eq!(tree.remove_mark(5, 2), Ok(true));
    tree.checkpoint(3).unwrap();
    assert_eq!(tree.size_at(2), Err(Error::CheckpointNotFound { id: 2 }));
    sound(&mut tree);
    tree
}

fn sound(tree: &mut Tree) {
    assert_eq!(tree.check(), Ok(vec![]));
}

#[test]
fn a_retained_checkpoint_keeps_what_it_proves() {
    let mut tree = with_removed_marks();
    let path = tree.witness_at(4, 1).unwrap();
    assert_eq!(path.len(), usize::from(DEPTH));
    tree.witness_at(5, 1).unwrap();
    tree.rewind(1).unwrap();
    sound(&mut tree);
    assert_eq!(tree.witness(4), Ok(path));
}

/// The documentation of `shardtree` says that witnesses stay computable at a retained checkpoint
/// for leaves that were marked at it. In fact `shardtree` clears the marks together with the
/// checkpoint that removed them. It keeps only marks that the retained checkpoint itself says were
/// removed.
#[test]
fn shardtree_0_8_clears_them() {
    let mut tree: ShardTree<_, DEPTH, 4> =
        ShardTree::new(MemoryShardStore::<CheapNode, u32>::empty(), 1);
    let append = |tree: &mut ShardTree<_, DEPTH, 4>, first, count| {
        for leaf in leaves(first, count) {
            tree.append(leaf, ImtRetention::Marked).unwrap();
        }
    };
    append(&mut tree, 0, 20);
    tree.checkpoint(1).unwrap();
    tree.ensure_retained(1).unwrap();
    append(&mut tree, 20, 5);
    tree.checkpoint(2).unwrap();
    for position in [4, 5] {
        assert_eq!(tree.remove_mark(position.into(), Some(&2)), Ok(true));
    }
    tree.checkpoint(3).unwrap();
    assert!(tree.root_at_checkpoint_id(&1).unwrap().is_some());
    let witness = tree.witness_at_checkpoint_id(Position::from(4), &1);
    assert!(!matches!(witness, Ok(Some(_))), "{witness:?}");
}

#[test]
fn removed_marks_go_with_the_last_checkpoint_before_them() {
    let mut tree = with_removed_marks();
    tree.release_checkpoint(1).unwrap();
    tree.witness_at(4, 1).unwrap();
    tree.checkpoint(4).unwrap();
    sound(&mut tree);
    assert_eq!(tree.size_at(1), Err(Error::CheckpointNotFound { id: 1 }));
    assert_eq!(tree.witness(4), Err(Error::Pruned { position: 4 }));
    assert_eq!(tree.witness(5), Err(Error::Pruned { position: 5 }));
    tree.witness(6).unwrap();
}

/// A mark removed twice goes with the later checkpoint.
#[test]
fn a_mark_removed_twice() {
    let mut tree = tree(2);
    tree.append(&leaves(0, 20)).unwrap();
    tree.checkpoint(1).unwrap();
    tree.append(&leaves(20, 1)).unwrap();
    tree.checkpoint(2).unwrap();
    for as_of in [2, 1, 2, 1] {
        assert_eq!(tree.remove_mark(4, as_of), Ok(true));
        assert_eq!(tree.remove_mark(5, as_of), Ok(true));
    }
    tree.checkpoint(3).unwrap();
    sound(&mut tree);
    tree.witness_at(4, 2).unwrap();
    let before = tree.kv().clone();
    tree.append(&leaves(21, 40)).unwrap();
    tree.checkpoint(4).unwrap();
    sound(&mut tree);
    assert_eq!(tree.witness(4), Err(Error::Pruned { position: 4 }));

    // A rewind undoes the later removal and leaves the earlier one.
    let mut tree: Tree = open(before, Config::default());
    tree.rewind(2).unwrap();
    sound(&mut tree);
    tree.witness(4).unwrap();
}

/// The mark of the leaf that the lowest checkpoint ends with goes with that checkpoint.
#[test]
fn a_mark_at_the_leaf_of_a_checkpoint() {
    let mut tree = tree(1);
    tree.append(&leaves(0, 7)).unwrap();
    tree.checkpoint(1).unwrap();
    assert_eq!(tree.remove_mark(6, 1), Ok(true));
    tree.checkpoint(2).unwrap();
    tree.retain_checkpoint(2).unwrap();
    tree.append(&leaves(7, 9)).unwrap();
    for id in 3..6 {
        tree.checkpoint(id).unwrap();
        sound(&mut tree);
        tree.witness_at(6, 2).unwrap();
    }
    let mut rewound: Tree = open(tree.kv().clone(), Config::default());
    rewound.rewind(2).unwrap();
    sound(&mut rewound);
    assert_eq!(tree.remove_mark(7, 5), Ok(true));
    tree.release_checkpoint(2).unwrap();
    tree.checkpoint(6).unwrap();
    sound(&mut tree);
    assert_eq!(tree.witness(6), Err(Error::Pruned { position: 6 }));
}

/// 1,000 marks are removed at once. Each checkpoint clears 16, and each call prunes two
/// checkpoints.
#[test]
fn old_work_is_done_in_portions() {
    let mut tree = tree(40);
    tree.append(&leaves(0, 2_000)).unwrap();
    for id in 0..40 {
        tree.checkpoint(id).unwrap();
    }
    for position in 0..1_000 {
        assert_eq!(tree.remove_mark(position, 1), Ok(true));
    }
    tree.append(&leaves(2_000, 1)).unwrap();
    let mut tree: Tree = open(
        tree.into_kv(),
        Config {
            max_checkpoints: 5,
            ..Config::default()
        },
    );
    let gone = |tree: &mut Tree| {
        (0..1_000)
            .filter(|position| {
                tree.leaf(*position)
                    == Err(Error::Pruned {
                        position: *position,
                    })
            })
            .count()
    };
    let mut cleared = 0;
    for id in 40..110 {
        let kept = tree.checkpoints().unwrap().len();
        tree.checkpoint(id).unwrap();
        let now = tree.checkpoints().unwrap().len();
        assert_eq!(now, (kept - 1).max(5), "at {id}");
        let gone = gone(&mut tree);
        // Leaves are merged in pairs: the sibling of a kept leaf is still there.
        assert!(gone <= cleared + 16, "at {id}: {cleared}, then {gone}");
        cleared = gone;
        if id % 16 == 0 {
            sound(&mut tree);
        }
    }
    sound(&mut tree);
    assert_eq!(cleared, 1_000);
    let beside_summary = tree.kv().records().keys().filter(|key| key[0] == 0x14);
    assert_eq!(beside_summary.count(), 1, "nothing waits any more");
}

/// Leaves without marks: retained checkpoints keep the leaf that they end with, even when another
/// checkpoint at the same leaf is pruned.
#[test]
fn retained_checkpoints_at_one_leaf() {
    let mut tree = tree_with(2, Retention::Ephemeral);
    let mut id = 0;
    let mut checkpoint = |tree: &mut Tree, retain: bool| {
        id += 3;
        tree.checkpoint(id).unwrap();
        if retain {
            tree.retain_checkpoint(id).unwrap();
        }
        sound(tree);
        id
    };
    tree.append(&leaves(0, 5)).unwrap();
    let plain = checkpoint(&mut tree, false);
    let kept = checkpoint(&mut tree, true);
    let also = checkpoint(&mut tree, true);
    tree.append(&leaves(5, 30)).unwrap();
    for _ in 0..4 {
        checkpoint(&mut tree, false);
        tree.append(&leaves(100, 3)).unwrap();
    }
    assert_eq!(
        tree.size_at(plain),
        Err(Error::CheckpointNotFound { id: plain })
    );
    tree.witness_at(4, kept).unwrap();
    tree.release_checkpoint(kept).unwrap();
    sound(&mut tree);
    checkpoint(&mut tree, false);
    tree.witness_at(4, also).unwrap();
    tree.release_checkpoint(also).unwrap();
    checkpoint(&mut tree, false);
    assert_eq!(tree.witness(4), Err(Error::Pruned { position: 4 }));
    checkpoint(&mut tree, false);
    checkpoint(&mut tree, false);
    let beside_summary = tree.kv().records().keys().filter(|key| key[0] == 0x14);
    assert_eq!(beside_summary.count(), 1, "nothing is listed any more");
}

/// The store as a release wrote it that had no records beside the summary.
fn as_it_was(kv: &MemKv) -> MemKv {
    let mut kv = kv.clone();
    kv.records_mut()
        .retain(|key, _| key[0] != keys::SUMMARY || key.len() == 1);
    let summary = codec::decode_summary(&kv.get(&keys::summary()).unwrap().unwrap()).unwrap();
    let plain = Summary {
        ledger: Ledger::default(),
        ..summary
    };
    kv.set(&keys::summary(), &codec::encode_summary(&plain))
        .unwrap();
    kv
}

/// One call or several that change a tree.
type Change = fn(&mut Tree) -> Result<(), Error>;

/// The first call that writes brings such a store to what it would be with the records. So does a
/// rewind after which nothing is retained.
#[test]
fn older_stores_go_on() {
    for retention in [Retention::Marked, Retention::Ephemeral] {
        let config = Config {
            max_checkpoints: 4,
            retention,
            ..Config::default()
        };
        let mut tree = tree_with(4, retention);
        for id in 1..12 {
            if id % 3 != 0 {
                tree.append(&leaves(100 * u64::from(id), 7)).unwrap();
            }
            tree.checkpoint(id).unwrap();
            if [3, 4, 6, 9].contains(&id) {
                tree.retain_checkpoint(id).unwrap();
            }
        }
        sound(&mut tree);
        let kv = tree.into_kv();
        let old = as_it_was(&kv);
        assert_ne!(kv, old);
        let calls: [Change; 9] = [
            |tree| tree.checkpoint(20),
            |tree| tree.retain_checkpoint(11),
            |tree| tree.retain_checkpoint(7),
            |tree| tree.release_checkpoint(3),
            |tree| tree.release_checkpoint(4),
            |tree| tree.release_checkpoint(9),
            |tree| {
                let position = tree.size_at(7).unwrap() - 1;
                tree.remove_mark(position, 11).map(drop)?;
                tree.checkpoint(20)
            },
            |tree| {
                tree.append(&leaves(5_000, 30))?;
                tree.checkpoint(20)?;
                tree.release_checkpoint(3)?;
                tree.checkpoint(21)
            },
            |tree| {
                tree.rewind(6)?;
                tree.checkpoint(20)
            },
        ];
        for (at, call) in calls.iter().enumerate() {
            let mut ours: Tree = open(kv.clone(), config);
            let mut theirs: Tree = open(old.clone(), config);
            sound(&mut theirs);
            call(&mut ours).unwrap();
            call(&mut theirs).unwrap();
            sound(&mut ours);
            sound(&mut theirs);
            assert_eq!(ours.kv(), theirs.kv(), "{retention:?}, call {at}");
        }
    }
}

/// Removed marks inside a checkpoint's record, as written before removed marks had records of their
/// own.
#[test]
fn marks_removed_within_a_checkpoint() {
    let mut tree = tree(3);
    tree.append(&leaves(0, 50)).unwrap();
    for id in [1, 5, 9] {
        tree.checkpoint(id).unwrap();
    }
    tree.retain_checkpoint(5).unwrap();
    let mut kv = tree.into_kv();
    let key = keys::checkpoint(1);
    let mut value = kv.get(&key).unwrap().unwrap();
    value[9] = 2;
    value.extend([2u64, 3].iter().flat_map(|mark| mark.to_le_bytes()));
    kv.set(&key, &value).unwrap();
    let config = Config {
        max_checkpoints: 3,
        ..Config::default()
    };
    let mut tree: Tree = open(kv, config);
    sound(&mut tree);
    assert_eq!(tree.remove_mark(3, 1), Ok(true));
    sound(&mut tree);
    for id in [20, 21, 30] {
        tree.checkpoint(id).unwrap();
        sound(&mut tree);
    }
    assert_eq!(tree.size_at(1), Err(Error::CheckpointNotFound { id: 1 }));
    assert_eq!(tree.witness(2), Err(Error::Pruned { position: 2 }));
    assert_eq!(tree.size_at(5), Ok(50));
    for id in 31..40 {
        tree.checkpoint(id).unwrap();
        sound(&mut tree);
    }
    let ids: Vec<u32> = tree.checkpoints().unwrap().iter().map(|c| c.id).collect();
    assert_eq!(ids, [5, 37, 38, 39]);
}

#[test]
fn the_highest_id_is_refused() {
    let mut tree = tree(3);
    assert_eq!(tree.checkpoint(u32::MAX), Err(Error::LastCheckpoint));
    assert!(tree.kv().records().is_empty());
    tree.checkpoint(u32::MAX - 1).unwrap();
    let newest = u32::MAX - 1;
    let order = Error::CheckpointOrder { id: 5, newest };
    assert_eq!(tree.checkpoint(5), Err(order));
}
