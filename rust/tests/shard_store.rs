//! `KvShardStore` answers as `MemoryShardStore` does, method by method, under random sequences of
//! all methods: over `MemKv` and over the C callbacks.
//!
//! One difference is wanted. `MemoryShardStore` holds its shards in a list: after a shard is put at
//! index 5, it answers that there are shards 0 to 5, and those never put are empty trees. After a
//! truncation its last shard may be such a filler. `KvShardStore` is sparse: it knows only the
//! shards that were put, and `ShardTree` takes an absent shard for an empty one.

use std::collections::BTreeSet;
use std::fmt::Debug;

use incrementalmerkletree::{Address, Level, Position};
use kvshard::error::KvError;
use kvshard::hash::OrchardNode;
use kvshard::kv::{Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::c_store::CStore;
use kvshard_testkit::cases::for_seeds;
use kvshard_testkit::node::TestNode;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shardtree::store::memory::MemoryShardStore;
use shardtree::store::{Checkpoint, ShardStore, TreeState};
use shardtree::{LocatedPrunableTree, LocatedTree, PrunableTree, RetentionFlags, Tree};

const HEIGHT: u8 = 4;
const SHARDS: u64 = 24;
const IDS: u32 = 40;

fn address(index: u64) -> Address {
    Address::from_parts(Level::from(HEIGHT), index)
}

fn random_tree<H: TestNode>(rng: &mut ChaCha8Rng, height: u8) -> PrunableTree<H> {
    match rng.random_range(0..6) {
        0 => Tree::empty(),
        1..4 if height > 0 => {
            let ann = rng.random_bool(0.4);
            let ann = ann.then(|| H::leaf(rng.random_range(0..500)).into());
            let (left, right) = (random_tree(rng, height - 1), random_tree(rng, height - 1));
            match left.is_empty() && right.is_empty() {
                true => Tree::empty(),
                false => Tree::parent(ann, left, right),
            }
        }
        _ => {
            let flags = RetentionFlags::from_bits(rng.random_range(0..8)).expect("three flags");
            Tree::leaf((H::leaf(rng.random_range(0..500)), flags))
        }
    }
}

fn random_checkpoint(rng: &mut ChaCha8Rng) -> Checkpoint {
    let state = match rng.random_range(0..5) {
        0 => TreeState::Empty,
        _ => TreeState::AtPosition(rng.random_range(0..1000u64).into()),
    };
    let marks = (0..rng.random_range(0..4)).map(|_| rng.random_range(0..1000u64).into());
    Checkpoint::from_parts(state, marks.collect())
}

/// The parts to compare: checkpoints themselves have no equality.
fn parts(checkpoint: &Checkpoint) -> (Option<Position>, BTreeSet<Position>) {
    (checkpoint.position(), checkpoint.marks_removed().clone())
}

struct Pair<H, S> {
    ours: S,
    theirs: MemoryShardStore<H, u32>,
    put: BTreeSet<u64>,
}

impl<H: TestNode, S: ShardStore<H = H, CheckpointId = u32, Error = KvError>> Pair<H, S> {
    fn new(ours: S) -> Self {
        Pair {
            ours,
            theirs: MemoryShardStore::empty(),
            put: BTreeSet::new(),
        }
    }

    fn step(&mut self, rng: &mut ChaCha8Rng) {
        let id = rng.random_range(0..IDS);
        match rng.random_range(0..13) {
            0..3 => {
                let index = rng.random_range(0..SHARDS);
                let shard: LocatedPrunableTree<H> =
                    LocatedTree::from_parts(address(index), random_tree(rng, HEIGHT)).unwrap();
                self.ours.put_shard(shard.clone()).unwrap();
                self.theirs.put_shard(shard).unwrap();
                self.put.insert(index);
            }
            3 => {
                let index = rng.random_range(0..SHARDS + 2);
                self.ours.truncate_shards(index).unwrap();
                self.theirs.truncate_shards(index).unwrap();
                self.put.retain(|put| *put < index);
            }
            4 => {
                let cap = random_tree::<H>(rng, 28);
                self.ours.put_cap(cap.clone()).unwrap();
                self.theirs.put_cap(cap).unwrap();
            }
            5..8 => {
                let checkpoint = random_checkpoint(rng);
                self.ours.add_checkpoint(id, checkpoint.clone()).unwrap();
                self.theirs.add_checkpoint(id, checkpoint).unwrap();
            }
            8 => {
                self.ours.remove_checkpoint(&id).unwrap();
                self.theirs.remove_checkpoint(&id).unwrap();
            }
            9 => {
                let mark = Position::from(rng.random_range(0..1000u64));
                let add = |checkpoint: &mut Checkpoint| {
                    let mut marks = checkpoint.marks_removed().clone();
                    marks.insert(mark);
                    *checkpoint = Checkpoint::from_parts(checkpoint.tree_state(), marks);
                };
                let ours = self.ours.update_checkpoint_with(&id, |checkpoint| {
                    add(checkpoint);
                    Ok(())
                });
                let theirs = self.theirs.update_checkpoint_with(&id, |checkpoint| {
                    add(checkpoint);
                    Ok(())
                });
                assert_eq!(ours, Ok(theirs.unwrap()));
            }
            10 => {
                self.ours.add_retained_checkpoint(id).unwrap();
                self.theirs.add_retained_checkpoint(id).unwrap();
            }
            11 => {
                self.ours.remove_retained_checkpoint(&id).unwrap();
                self.theirs.remove_retained_checkpoint(&id).unwrap();
            }
            _ => {
                // Even if there is no such checkpoint.
                self.ours.truncate_checkpoints_retaining(&id).unwrap();
                self.theirs.truncate_checkpoints_retaining(&id).unwrap();
            }
        }
    }

    fn compare(&mut self, rng: &mut ChaCha8Rng) {
        self.compare_shards();
        assert_eq!(self.ours.get_cap(), Ok(self.theirs.get_cap().unwrap()));
        self.compare_checkpoints(rng);
    }

    fn compare_shards(&self) {
        let dense = self.theirs.get_shard_roots().unwrap();
        for index in 0..SHARDS + 1 {
            let ours = self.ours.get_shard(address(index)).unwrap();
            let theirs = self.theirs.get_shard(address(index)).unwrap();
            match self.put.contains(&index) {
                true => assert_eq!(ours, theirs),
                false => {
                    assert_eq!(ours, None);
                    let filler = LocatedTree::from_parts(address(index), Tree::empty()).unwrap();
                    let within = dense.contains(&address(index));
                    assert_eq!(theirs, within.then_some(filler));
                }
            }
        }
        let sparse: Vec<_> = self.put.iter().copied().map(address).collect();
        assert_eq!(self.ours.get_shard_roots(), Ok(sparse.clone()));
        assert!(sparse.iter().all(|root| dense.contains(root)));
        let last = sparse
            .last()
            .map(|root| self.theirs.get_shard(*root).unwrap().unwrap());
        assert_eq!(self.ours.last_shard(), Ok(last));
    }

    fn compare_checkpoints(&mut self, rng: &mut ChaCha8Rng) {
        let (ours, theirs) = (&mut self.ours, &mut self.theirs);
        assert_eq!(
            ours.min_checkpoint_id(),
            Ok(theirs.min_checkpoint_id().unwrap())
        );
        assert_eq!(
            ours.max_checkpoint_id(),
            Ok(theirs.max_checkpoint_id().unwrap())
        );
        let count = theirs.checkpoint_count().unwrap();
        assert_eq!(ours.checkpoint_count(), Ok(count));
        let retained = theirs.retained_checkpoints().unwrap();
        assert_eq!(ours.retained_checkpoints(), Ok(retained));
        for depth in 0..count + 2 {
            let named = |(id, checkpoint): (u32, Checkpoint)| (id, parts(&checkpoint));
            assert_eq!(
                ours.get_checkpoint_at_depth(depth).unwrap().map(named),
                theirs.get_checkpoint_at_depth(depth).unwrap().map(named),
            );
        }
        for id in 0..IDS + 1 {
            assert_eq!(
                ours.get_checkpoint(&id).unwrap().as_ref().map(parts),
                theirs.get_checkpoint(&id).unwrap().as_ref().map(parts),
            );
        }
        for limit in [0, 1, rng.random_range(0..count + 2), count, usize::MAX] {
            let mut expected = vec![];
            theirs
                .with_checkpoints(limit, |id, checkpoint| {
                    expected.push((*id, parts(checkpoint)));
                    Ok(())
                })
                .unwrap();
            assert_eq!(expected.len(), limit.min(count));
            let mut shown = vec![];
            ours.with_checkpoints(limit, |id, checkpoint| {
                shown.push((*id, parts(checkpoint)));
                Ok(())
            })
            .unwrap();
            assert_eq!(shown, expected, "with_checkpoints, limit {limit}");
            shown.clear();
            ours.for_each_checkpoint(limit, |id, checkpoint| {
                shown.push((*id, parts(checkpoint)));
                Ok(())
            })
            .unwrap();
            assert_eq!(shown, expected, "for_each_checkpoint, limit {limit}");
        }
    }
}

fn random_methods<H, S>(rng: &mut ChaCha8Rng, store: S)
where
    H: TestNode,
    S: ShardStore<H = H, CheckpointId = u32, Error = KvError>,
{
    let mut pair = Pair::new(store);
    for _ in 0..80 {
        pair.step(rng);
        pair.compare(rng);
    }
}

#[test]
fn over_memory() {
    for_seeds("over_memory", 0, 300, |rng| {
        random_methods(
            rng,
            KvShardStore::<String, HEIGHT, MemKv>::over(MemKv::new()),
        );
    });
}

#[test]
fn over_callbacks() {
    for_seeds("over_callbacks", 1000, 150, |rng| {
        let mut store = CStore::new();
        random_methods(rng, store.shard_store::<OrchardNode, HEIGHT>());
        store.assert_clean();
    });
}

fn some_checkpoints<K: Kv + Debug>(kv: K) -> KvShardStore<String, HEIGHT, K> {
    let mut store = KvShardStore::over(kv);
    for id in [3, 7, 70_000] {
        let marks = [Position::from(1), Position::from(2)];
        let checkpoint =
            Checkpoint::from_parts(TreeState::AtPosition(9.into()), marks.into_iter().collect());
        store.add_checkpoint(id, checkpoint).unwrap();
        store.add_retained_checkpoint(id).unwrap();
    }
    store
}

/// Checkpoints above the id go, those below stay. The named checkpoint loses its removed marks; the
/// others keep theirs. The set of retained ids is left alone.
#[test]
fn truncation_removes_what_is_above() {
    let mut store = some_checkpoints(MemKv::new());
    store.truncate_checkpoints_retaining(&7).unwrap();
    let mut left = vec![];
    store
        .for_each_checkpoint(usize::MAX, |id, checkpoint| {
            left.push((*id, checkpoint.marks_removed().len()));
            Ok(())
        })
        .unwrap();
    assert_eq!(left, [(3, 2), (7, 0)]);
    assert_eq!(store.retained_checkpoints(), Ok([3, 7, 70_000].into()));
}

/// An error of the caller's function comes back, ends the iteration, and changes nothing.
#[test]
fn errors_of_the_callers_function_come_back() {
    let mut store = some_checkpoints(MemKv::new());
    let mine = || KvError::corrupt(b"mine", "says the caller");
    let mut shown = 0;
    let outcome = store.with_checkpoints(usize::MAX, |_, _| {
        shown += 1;
        if shown == 2 { Err(mine()) } else { Ok(()) }
    });
    assert_eq!((outcome, shown), (Err(mine()), 2));
    let before = store.kv().clone();
    let outcome = store.update_checkpoint_with(&7, |checkpoint| {
        *checkpoint = Checkpoint::tree_empty();
        Err(mine())
    });
    assert_eq!(outcome, Err(mine()));
    assert_eq!(*store.kv(), before);
}

/// A subtree whose root is not at the shard level is refused, not stored under another shard's key.
#[test]
fn only_shards_are_stored() {
    let mut store: KvShardStore<String, HEIGHT, MemKv> = KvShardStore::over(MemKv::new());
    for level in [HEIGHT - 1, HEIGHT + 1] {
        let root = Address::from_parts(Level::from(level), 0);
        let tree = LocatedTree::from_parts(root, Tree::empty()).unwrap();
        assert_eq!(store.put_shard(tree), Err(KvError::NotAShard { level }));
    }
    assert_eq!(*store.kv(), MemKv::new());
}
