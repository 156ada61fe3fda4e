//! Stores that a plain `ShardTree` wrote. Adopting one gives byte for byte what the engine makes of
//! the same history, or is refused and changes nothing.

use incrementalmerkletree::{Marking, Retention as ImtRetention};
use kvshard::codec::{self, Plain};
use kvshard::engine::{Config, Retention};
use kvshard::error::{Error, KvError};
use kvshard::keys;
use kvshard::kv::{Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::cases::{for_seeds, pick};
use kvshard_testkit::node::{CheapNode, leaves};
use kvshard_testkit::strict::StrictKv;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shardtree::{Node, PrunableTree, RetentionFlags, ShardTree, Tree};

const DEPTH: u8 = 20;

type PlainTree<'k> = ShardTree<KvShardStore<CheapNode, 4, &'k mut MemKv>, DEPTH, 4>;
fn plain_tree(kv: &mut MemKv, max_checkpoints: u32) -> PlainTree<'_> {
    ShardTree::new(KvShardStore::over(kv), max_checkpoints as usize)
}

type OwnTree<K> = kvshard_testkit::Tree<K, CheapNode, DEPTH>;

fn own<K: Kv>(kv: K, max_checkpoints: u32, retention: Retention) -> OwnTree<K> {
    let config = Config {
        max_checkpoints,
        retention,
        ..Config::default()
    };
    kvshard_testkit::open(kv, config)
}

/// The same history in a plain tree's store and in the engine's.
struct Twins {
    plain: MemKv,
    own: MemKv,
    max_checkpoints: u32,
    size: u64,
    id: u32,
}

impl Twins {
    fn new(max_checkpoints: u32) -> Self {
        Twins {
            plain: MemKv::new(),
            own: MemKv::new(),
            max_checkpoints,
            size: 0,
            id: 0,
        }
    }

    fn append(&mut self, count: u64, retention: Retention) {
        self.append_with(count, retention, None);
    }

    /// Appends leaves, and makes a checkpoint at the last one. A plain tree keeps a leaf without a
    /// mark only if the append says so.
    fn append_with(&mut self, count: u64, retention: Retention, checkpoint: Option<u32>) {
        let batch: Vec<CheapNode> = leaves(self.size, count);
        let max = self.max_checkpoints;
        self.id += checkpoint.unwrap_or(0);
        let mut plain = plain_tree(&mut self.plain, max);
        for (leaf, left) in batch.clone().into_iter().zip((0..count).rev()) {
            let kept = match (retention, checkpoint) {
                (Retention::Marked, Some(_)) if left == 0 => ImtRetention::Checkpoint {
                    id: self.id,
                    marking: Marking::Marked,
                },
                (Retention::Ephemeral, Some(_)) if left == 0 => ImtRetention::Checkpoint {
                    id: self.id,
                    marking: Marking::None,
                },
                (Retention::Marked, _) => ImtRetention::Marked,
                (Retention::Ephemeral, _) => ImtRetention::Ephemeral,
            };
            plain.append(leaf, kept).unwrap();
        }
        let mut own = own(&mut self.own, max, retention);
        own.append(&batch).unwrap();
        if checkpoint.is_some() {
            own.checkpoint(self.id).unwrap();
        }
        self.size += count;
    }

    fn checkpoint(&mut self, by: u32) {
        self.id += by;
        let max = self.max_checkpoints;
        assert_eq!(
            plain_tree(&mut self.plain, max).checkpoint(self.id),
            Ok(true)
        );
        own(&mut self.own, max, Retention::Marked)
            .checkpoint(self.id)
            .unwrap();
    }

    fn root(&self) -> CheapNode {
        own(self.own.clone(), 1, Retention::Marked).root().unwrap()
    }
}

fn adopt(kv: &mut MemKv, root: &CheapNode) -> Result<u64, Error> {
    let mut tree = own(kv, 3, Retention::Marked);
    tree.adopt(root)
}

fn random_twins(rng: &mut ChaCha8Rng, marked: bool) -> Twins {
    let mut twins = Twins::new(rng.random_range(1..6));
    let kinds: &[Retention] = match marked {
        true => &[Retention::Marked],
        false => &[Retention::Marked, Retention::Ephemeral],
    };
    for _ in 0..rng.random_range(0..12) {
        let count = *pick(rng, &[1, 1, 2, 5, 15, 16, 17, 40, 130]);
        let retention = *pick(rng, kinds);
        let count = match retention {
            Retention::Marked => count,
            Retention::Ephemeral => 1,
        };
        let checkpoint = match rng.random_range(0..3) > 0 {
            true => Some(rng.random_range(1..300)),
            false => None,
        };
        twins.append_with(count, retention, checkpoint);
        if checkpoint.is_some() && rng.random_range(0..4) == 0 {
            twins.checkpoint(rng.random_range(1..300));
        }
    }
    twins.append_with(1, *pick(rng, kinds), Some(1));
    twins
}

/// A history with a mark on each leaf is always taken over. One without marks is taken over if the
/// `ShardTree` still has the leaves that the checkpoints end with: it merges a leaf with its left
/// sibling if that sibling is not kept.
#[test]
fn histories_are_taken_over() {
    let mut outcomes = [0, 0];
    for_seeds("histories_are_taken_over", 0, 400, |rng| {
        let marked = rng.random_range(0..2) == 0;
        let mut twins = random_twins(rng, marked);
        let (before, root) = (twins.plain.clone(), twins.root());
        let mut watched = StrictKv::over(before.clone());
        let outcome = own(&mut watched, 3, Retention::Marked).adopt(&root);
        // It reads after its first write, and writes the tip last; but no write changes nothing.
        let seen = watched.begin();
        let idle = seen
            .broken
            .iter()
            .find(|rule| rule.contains("changes nothing"));
        assert_eq!(idle, None);
        twins.plain = watched.inner.clone();
        match outcome {
            Ok(size) => {
                assert_eq!(size, twins.size);
                assert_eq!(twins.plain, twins.own);
                outcomes[usize::from(marked)] += 1;
            }
            Err(Error::Kv(KvError::Corrupt { reason, .. })) if !marked => {
                assert!(reason.ends_with("is needed, and was not kept"), "{reason}");
                assert_eq!(twins.plain, before);
            }
            Err(other) => panic!("{other:?}"),
        }
    });
    assert!(outcomes[0] > 10 && outcomes[1] > 100, "{outcomes:?}");
}

#[test]
fn twice_does_nothing() {
    let mut twins = Twins::new(3);
    twins.append(200, Retention::Marked);
    twins.checkpoint(1);
    let root = twins.root();
    adopt(&mut twins.plain, &root).unwrap();
    let mut watched = StrictKv::over(twins.plain.clone());
    let mut tree = own(&mut watched, 3, Retention::Marked);
    assert_eq!(tree.adopt(&root), Ok(200));
    assert_eq!(watched.begin().writes, 0);
    let other = leaves::<CheapNode>(7, 1)[0];
    let refused = adopt(&mut twins.plain, &other);
    assert!(
        matches!(refused, Err(Error::RootMismatch { .. })),
        "{refused:?}"
    );
}

/// Twins with removed marks and retained checkpoints too, so that every kind of record occurs.
fn full_twins() -> Twins {
    let mut twins = Twins::new(4);
    for (count, retention) in [
        (34, Retention::Marked),
        (1, Retention::Ephemeral),
        (20, Retention::Marked),
        (1, Retention::Ephemeral),
    ] {
        twins.append_with(count, retention, Some(5));
    }
    let mut plain = plain_tree(&mut twins.plain, 4);
    plain.ensure_retained(10).unwrap();
    assert_eq!(plain.remove_mark(3.into(), Some(&15)), Ok(true));
    assert_eq!(plain.remove_mark(4.into(), Some(&15)), Ok(true));
    assert_eq!(plain.remove_mark(4.into(), Some(&20)), Ok(true));
    let mut own = own(&mut twins.own, 4, Retention::Marked);
    own.retain_checkpoint(10).unwrap();
    assert_eq!(own.remove_mark(3, 15), Ok(true));
    assert_eq!(own.remove_mark(4, 15), Ok(true));
    assert_eq!(own.remove_mark(4, 20), Ok(true));
    twins
}

#[test]
fn interrupted_it_is_done_again() {
    let twins = full_twins();
    let root = twins.root();
    for operation in 0.. {
        let mut failing = StrictKv::failing(twins.plain.clone(), operation);
        let outcome = own(&mut failing, 4, Retention::Marked).adopt(&root);
        if outcome.is_ok() {
            assert!(operation > 30, "{operation} operations in all");
            break;
        }
        assert!(
            matches!(outcome, Err(Error::Kv(KvError::Store { .. }))),
            "{outcome:?}"
        );
        let mut kv = failing.inner;
        assert_eq!(
            adopt(&mut kv, &root),
            Ok(twins.size),
            "operation {operation}"
        );
        assert_eq!(kv, twins.own, "operation {operation}");
    }
}

fn refused(kv: &MemKv, root: &CheapNode, key: &[u8], what: &str) {
    let mut store = kv.clone();
    match adopt(&mut store, root) {
        Err(Error::Kv(KvError::Corrupt { key: named, reason })) => {
            assert_eq!(named, key, "{what}: {reason}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(store, *kv, "{what}: it wrote");
}

/// A shard's record with this tree in place of its own.
fn with_tree(
    kv: &mut MemKv,
    index: u64,
    change: impl FnOnce(PrunableTree<CheapNode>) -> PrunableTree<CheapNode>,
) {
    let key = keys::shard(index);
    let value = kv.get(&key).unwrap().unwrap();
    let tree = codec::decode_tree(&Plain::<CheapNode>::default(), &key, &value, 4).unwrap();
    kv.set(&key, &codec::encode_tree(&change(tree))).unwrap();
}

fn annotated(tree: PrunableTree<CheapNode>, node: CheapNode) -> PrunableTree<CheapNode> {
    match &*tree {
        Node::Parent { left, right, .. } => {
            Tree::parent(Some(node.into()), (**left).clone(), (**right).clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn annotations_are_compared() {
    let mut twins = Twins::new(4);
    twins.append(40, Retention::Marked);
    twins.checkpoint(1);
    let root = twins.root();
    let all: Vec<CheapNode> = leaves(0, 40);
    for (index, count) in [(0, 16), (1, 16), (2, 8)] {
        let from = 16 * index as usize;
        let right = shard_root(&all[from..from + count]);
        let mut kv = twins.plain.clone();
        with_tree(&mut kv, index, |tree| annotated(tree, right));
        assert_eq!(adopt(&mut kv, &root), Ok(40));
        assert_eq!(kv, twins.own);
        let mut kv = twins.plain.clone();
        with_tree(&mut kv, index, |tree| annotated(tree, all[0]));
        refused(&kv, &root, &keys::shard(index), "a wrong annotation");
    }
}

/// The root of a shard with these leaves.
fn shard_root(of: &[CheapNode]) -> CheapNode {
    let mut kv = MemKv::new();
    let mut tree = kvshard_testkit::open::<_, CheapNode, 4>(&mut kv, Config::default());
    tree.append(of).unwrap();
    tree.root().unwrap()
}

#[test]
fn what_is_not_understood_is_refused() {
    let mut twins = Twins::new(4);
    twins.append(100, Retention::Marked);
    twins.checkpoint(1);
    let (plain, root) = (twins.plain.clone(), twins.root());

    let refused_with = |key: &[u8], value: Option<&[u8]>, named: &[u8], what: &str| {
        let mut kv = plain.clone();
        match value {
            Some(value) => kv.set(key, value).unwrap(),
            None => kv.delete(key).unwrap(),
        }
        refused(&kv, &root, named, what);
    };
    let shard = |index| keys::shard(index);
    refused_with(&shard(0), None, &shard(1), "a gap at the start");
    refused_with(&shard(3), None, &shard(4), "a gap");
    refused_with(&shard(9), Some(&[1, 0]), &shard(9), "a shard behind a gap");
    refused_with(&shard(6), Some(&[1, 0]), &shard(6), "an empty shard");
    refused_with(&shard(6), Some(&[1, 2]), &shard(6), "cut short");
    refused_with(
        &[0x0F, 1],
        Some(&[1]),
        &[0x0F, 1],
        "a strange key among shards",
    );
    refused_with(
        &[0x11, 1],
        Some(&[1]),
        &[0x11, 1],
        "a strange key of a checkpoint",
    );
    refused_with(
        &[0x12, 0, 0],
        Some(&[1]),
        &[0x12, 0, 0],
        "a strange retained one",
    );
    refused_with(
        &keys::retained(7),
        Some(&[1]),
        &keys::retained(7),
        "no such checkpoint",
    );
    refused_with(&[0x14], Some(&[0; 4]), &[0x14], "another's summary");
    refused_with(
        &[0x14, 9, 9],
        Some(&[1]),
        &[0x14, 9, 9],
        "another's key beside the summary",
    );
    refused_with(&[0x15, 1], Some(&[1]), &[0x15, 1], "another's quad");
    for key in [[0x10, 1], [0x13, 1]] {
        refused_with(&key, Some(&[1]), &key, "a key behind a single record's");
    }
    refused_with(
        &keys::quad(5, 0),
        Some(&[1]),
        &keys::quad(5, 0),
        "a quad that is not this tree's",
    );
    let beyond = codec::encode_checkpoint(&shardtree::store::Checkpoint::at_position(100.into()));
    let cp = keys::checkpoint;
    refused_with(&cp(2), Some(&beyond), &cp(2), "a checkpoint beyond");
    let back = codec::encode_checkpoint(&shardtree::store::Checkpoint::at_position(3.into()));
    refused_with(&cp(2), Some(&back), &cp(2), "a checkpoint that goes back");

    let cut = |kv: &mut MemKv, index, keep: u64| {
        let part: Vec<CheapNode> = leaves(16 * index, keep);
        let mut small = own(MemKv::new(), 1, Retention::Marked);
        small.append(&part).unwrap();
        let value = small.kv().get(&keys::shard(0)).unwrap().unwrap();
        kv.set(&keys::shard(index), &value).unwrap();
    };
    let mut kv = plain.clone();
    cut(&mut kv, 2, 9);
    refused(&kv, &root, &shard(2), "a shard within that is not complete");
    let mut kv = plain.clone();
    with_tree(&mut kv, 6, |_| {
        let leaf = (leaves::<CheapNode>(0, 1)[0], RetentionFlags::REFERENCE);
        Tree::parent(None, Tree::leaf(leaf), Tree::empty())
    });
    refused(&kv, &root, &shard(6), "a node above the leaves with a flag");

    let claim = |level_node: PrunableTree<CheapNode>| codec::encode_tree(&level_node);
    let wrong = Tree::leaf((leaves::<CheapNode>(0, 1)[0], RetentionFlags::EPHEMERAL));
    let cap = claim(Tree::parent(None, wrong.clone(), Tree::empty()));
    refused_with(
        &keys::cap(),
        Some(&cap),
        &keys::cap(),
        "a cap with a wrong node",
    );
    let beyond = claim(Tree::parent(None, Tree::empty(), wrong));
    refused_with(
        &keys::cap(),
        Some(&beyond),
        &keys::cap(),
        "a cap with a node beyond",
    );

    let mut kv = plain.clone();
    let other = leaves::<CheapNode>(5, 1)[0];
    let outcome = adopt(&mut kv, &other);
    assert!(
        matches!(outcome, Err(Error::RootMismatch { .. })),
        "{outcome:?}"
    );
    assert_eq!(kv, plain);
}

/// A cap that `ShardTree` itself cached, down to the roots of the shards.
#[test]
fn a_cached_cap_is_read() {
    for size in [1, 16, 17, 100, 160, 300] {
        let mut twins = Twins::new(4);
        twins.append(size, Retention::Marked);
        twins.checkpoint(1);
        let mut plain = plain_tree(&mut twins.plain, 4);
        let root = plain
            .root_at_checkpoint_depth_caching(Some(0))
            .unwrap()
            .unwrap();
        let _ = plain
            .witness_at_checkpoint_depth_caching(0.into(), 0)
            .unwrap();
        assert_eq!(root, twins.root());
        assert_eq!(adopt(&mut twins.plain, &root), Ok(size));
        assert_eq!(twins.plain, twins.own, "{size} leaves");
    }
}

/// The records that a `ShardTree` would have left, all leaves marked.
fn without_own_records(kv: &MemKv) -> MemKv {
    let mut plain = MemKv::new();
    for (key, value) in kv.records() {
        if matches!(key.first(), Some(&keys::SHARD | &keys::CHECKPOINT)) {
            plain.set(key, value).unwrap();
        }
    }
    plain
}

/// The pass hashes 4,096 shards at a time: the last of them may be one that is not complete.
#[test]
fn a_batch_ends_with_the_newest_shard() {
    for size in [65_520, 65_530, 65_536, 65_537] {
        let mut tree = own(MemKv::new(), 3, Retention::Marked);
        tree.append(&leaves(0, size)).unwrap();
        tree.checkpoint(1).unwrap();
        let root = tree.root().unwrap();
        let mut kv = without_own_records(tree.kv());
        assert_eq!(adopt(&mut kv, &root), Ok(size));
        assert_eq!(kv, *tree.kv(), "{size} leaves");
    }
}

#[test]
fn a_mark_is_removed_within_its_checkpoint() {
    let mut twins = Twins::new(4);
    twins.append(20, Retention::Marked);
    twins.checkpoint(1);
    twins.append(20, Retention::Marked);
    twins.checkpoint(1);
    let root = twins.root();
    let mut plain = plain_tree(&mut twins.plain, 4);
    assert_eq!(plain.remove_mark(30.into(), Some(&1)), Ok(true));
    refused(&twins.plain, &root, &keys::checkpoint(1), "beyond it");

    let key = keys::removed(9, 3);
    let mut kv = twins.plain.clone();
    kv.set(&keys::checkpoint(1), &codec::encode_checkpoint(&at(19)))
        .unwrap();
    kv.set(&key, &[1]).unwrap();
    refused(&kv, &root, &key, "of no checkpoint");
}

fn at(position: u64) -> shardtree::store::Checkpoint {
    shardtree::store::Checkpoint::at_position(position.into())
}

/// A tree lower than a shard has no node at a shard's root.
#[test]
fn no_annotation_is_above_the_root() {
    let mut tree = kvshard_testkit::open::<_, CheapNode, 2>(MemKv::new(), Config::default());
    let all: Vec<CheapNode> = leaves(0, 4);
    tree.append(&all).unwrap();
    let root = tree.root().unwrap();
    let adopt = |kv: MemKv| {
        let mut tree = kvshard_testkit::open::<_, CheapNode, 2>(kv, Config::default());
        let outcome = tree.adopt(&root);
        (outcome, tree.kv().clone())
    };
    let plain = without_own_records(tree.kv());
    assert_eq!(adopt(plain.clone()), (Ok(4), tree.kv().clone()));
    let mut kv = plain;
    with_tree(&mut kv, 0, |tree| annotated(tree, all[0]));
    match adopt(kv.clone()) {
        (Err(Error::Kv(KvError::Corrupt { key, reason })), after) => {
            assert_eq!((key, after), (keys::shard(0), kv));
            assert!(reason.contains("annotation at level 4"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

/// Two leaves without marks that a checkpoint kept apart, which is gone.
#[test]
fn a_flag_of_no_checkpoint_is_dropped() {
    let mut twins = Twins::new(4);
    twins.append(1, Retention::Ephemeral);
    twins.append(1, Retention::Ephemeral);
    twins.append(1, Retention::Marked);
    let root = twins.root();
    with_tree(&mut twins.plain, 0, |_| {
        let [a, b, c] = leaves(0, 3).try_into().unwrap();
        let leaf = |node, flags| Tree::leaf((node, flags));
        let quiet = Tree::parent(
            None,
            leaf(a, RetentionFlags::CHECKPOINT),
            leaf(b, RetentionFlags::EPHEMERAL),
        );
        let last = Tree::parent(None, leaf(c, RetentionFlags::MARKED), Tree::empty());
        let four = Tree::parent(None, quiet, last);
        let eight = Tree::parent(None, four, Tree::empty());
        Tree::parent(None, eight, Tree::empty())
    });
    assert_eq!(adopt(&mut twins.plain, &root), Ok(3));
    assert_eq!(twins.plain, twins.own);
}

#[test]
fn nothing_is_an_empty_tree() {
    let mut kv = MemKv::new();
    let root = own(MemKv::new(), 1, Retention::Marked).root().unwrap();
    assert_eq!(adopt(&mut kv, &root), Ok(0));
    assert_eq!(kv, MemKv::new());
    let mut twins = Twins::new(4);
    twins.checkpoint(3);
    assert_eq!(adopt(&mut twins.plain, &root), Ok(0));
    assert_eq!(twins.plain, twins.own);
}
