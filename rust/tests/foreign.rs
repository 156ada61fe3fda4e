//! Stores that something else wrote: a plain `ShardTree`, or a module with keys of its own. No call
//! mistakes them for an empty tree.

use incrementalmerkletree::Retention as ImtRetention;
use kvshard::engine::{Retention, TreeFrontier};
use kvshard::error::{Error, KvError};
use kvshard::keys;
use kvshard::kv::{Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::call::Call;
use kvshard_testkit::node::{CheapNode, leaves};
use shardtree::ShardTree;

const DEPTH: u8 = 20;

fn every_call() -> Vec<Call<CheapNode>> {
    let frontier = TreeFrontier::empty();
    vec![
        Call::Append(leaves(0, 1), Retention::Marked),
        Call::Append(vec![], Retention::Marked),
        Call::Checkpoint(9),
        Call::Size,
        Call::SizeAt(1),
        Call::Root,
        Call::RootAt(1),
        Call::Leaf(0),
        Call::Witness(0),
        Call::WitnessAt(0, 1),
        Call::Rewind(1),
        Call::Checkpoints,
        Call::Retain(1),
        Call::Release(1),
        Call::RemoveMark(0, 1),
        Call::Frontier,
        Call::FrontierAt(1),
        Call::FrontierAtSize(1),
        Call::Nodes(0, 0, 1),
        Call::Newest,
        Call::InsertFrontier(frontier, 9, Retention::Marked),
        Call::Check,
        Call::Dump,
    ]
}

fn refused(kv: &MemKv, key: &[u8]) {
    for call in every_call() {
        let mut store = kv.clone();
        let foreign = Error::Kv(KvError::Foreign { key: key.to_vec() });
        assert_eq!(
            call.run::<_, DEPTH>(&mut store, 100),
            Err(foreign),
            "{call:?}"
        );
        assert_eq!(store, *kv, "{call:?} writes");
    }
}

#[test]
fn a_plain_shard_tree_is_no_empty_tree() {
    for count in [1, 16, 17, 100] {
        let mut kv = MemKv::new();
        let mut plain: ShardTree<KvShardStore<CheapNode, 4, &mut MemKv>, DEPTH, 4> =
            ShardTree::new(KvShardStore::over(&mut kv), 100);
        for leaf in leaves(0, count) {
            plain.append(leaf, ImtRetention::Marked).unwrap();
        }
        assert_eq!(plain.checkpoint(1), Ok(true));
        refused(&kv, &keys::shard(0));
    }
}

#[test]
fn keys_of_a_module_are_no_empty_tree() {
    for key in [vec![keys::SHARD], vec![keys::SHARD, 1, 2], keys::shard(7)] {
        let mut kv = MemKv::new();
        kv.set(&key, b"a module's").unwrap();
        refused(&kv, &key);
    }
}

/// An empty `ShardTree` with a checkpoint has checkpoints and no summary. Calls that meet it say
/// so.
#[test]
fn checkpoints_of_an_empty_shard_tree() {
    let mut kv = MemKv::new();
    kv.set(&keys::checkpoint(1), &[0; 13]).unwrap();
    let foreign = Error::Kv(KvError::Foreign {
        key: keys::checkpoint(1),
    });
    for call in [
        Call::<CheapNode>::Checkpoints,
        Call::Newest,
        Call::Retain(1),
        Call::Release(1),
        Call::Rewind(1),
    ] {
        let mut store = kv.clone();
        assert_eq!(
            call.run::<_, DEPTH>(&mut store, 100),
            Err(foreign.clone()),
            "{call:?}"
        );
        assert_eq!(store, kv, "{call:?} writes");
    }
}

/// The same beside a tip is a lost summary.
#[test]
fn a_tree_without_its_summary_is_damaged() {
    let mut kv = MemKv::new();
    for call in [
        Call::<CheapNode>::Append(leaves(0, 3), Retention::Marked),
        Call::Checkpoint(1),
    ] {
        call.run::<_, DEPTH>(&mut kv, 100).unwrap();
    }
    kv.delete(&keys::summary()).unwrap();
    for call in [
        Call::<CheapNode>::Checkpoints,
        Call::Newest,
        Call::Retain(1),
        Call::Release(1),
        Call::Rewind(1),
        Call::RemoveMark(0, 1),
    ] {
        let mut store = kv.clone();
        let outcome = call.run::<_, DEPTH>(&mut store, 100);
        let Err(Error::Kv(KvError::Corrupt { key, .. })) = outcome else {
            panic!("{call:?}: {outcome:?}");
        };
        assert_eq!((key, store), (keys::summary(), kv.clone()), "{call:?}");
    }
}

/// The engine's own store with checkpoints and no leaf is not foreign.
#[test]
fn an_empty_tree_with_checkpoints_goes_on() {
    let mut kv = MemKv::new();
    for call in [
        Call::<CheapNode>::Checkpoint(1),
        Call::Retain(1),
        Call::Checkpoints,
        Call::Release(1),
        Call::Checkpoint(2),
        Call::Rewind(1),
        Call::Append(leaves(0, 3), Retention::Marked),
        Call::Check,
    ] {
        call.run::<_, DEPTH>(&mut kv, 100).unwrap();
    }
}
