//! A tree that starts from a frontier goes on as the original tree does: the same roots, frontiers
//! and witnesses as a complete tree, as a plain `ShardTree` over the same store, and as
//! `ShardTree<MemoryShardStore>`.

use incrementalmerkletree::frontier::Frontier;
use incrementalmerkletree::{Marking, Position, Retention as ImtRetention};
use kvshard::engine::{Config, Retention, TreeFrontier};
use kvshard::error::Error;
use kvshard::hash::OrchardNode;
use kvshard::kv::MemKv;
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::cases::cases;
use kvshard_testkit::cases::for_seeds;
use kvshard_testkit::complete::{Complete, fold};
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::{Tree, open};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shardtree::ShardTree;
use shardtree::store::ShardStore;
use shardtree::store::memory::MemoryShardStore;

fn config(retention: Retention) -> Config {
    Config {
        max_checkpoints: 20,
        retention,
        ..Config::default()
    }
}

fn imt_frontier<H: TestNode, const DEPTH: u8>(frontier: &TreeFrontier<H>) -> Frontier<H, DEPTH> {
    match &frontier.leaf {
        None => Frontier::empty(),
        Some(leaf) => Frontier::from_parts(
            Position::from(frontier.size - 1),
            leaf.clone(),
            frontier.ommers.clone(),
        )
        .expect("as many ommers as the position has ones"),
    }
}

/// A tree started from a frontier, and the trees that it is compared with.
struct Started<H, S, const DEPTH: u8>
where
    S: ShardStore<H = H, CheckpointId = u32>,
    H: TestNode,
{
    kv: MemKv,
    start: u64,
    complete: Complete<H>,
    /// A separate `ShardTree`, started from the same frontier.
    other: ShardTree<S, DEPTH, 4>,
    checkpoints: Vec<(u32, u64)>,
    retention: Retention,
    next_leaf: u64,
}

impl<H, S, const DEPTH: u8> Started<H, S, DEPTH>
where
    H: TestNode,
    S: ShardStore<H = H, CheckpointId = u32>,
    S::Error: std::fmt::Debug,
{
    /// `complete` may know all leaves, or only the frontier.
    fn new(
        frontier: &TreeFrontier<H>,
        complete: Complete<H>,
        store: S,
        retention: Retention,
    ) -> Self {
        let mut started = Started {
            kv: MemKv::new(),
            start: frontier.size.saturating_sub(1),
            complete,
            other: ShardTree::new(store, 20),
            checkpoints: vec![(1, frontier.size)],
            retention,
            next_leaf: 1_000_000,
        };
        started.engine().insert_frontier(frontier, 1).unwrap();
        let marking = match retention {
            Retention::Marked if frontier.size > 0 => Marking::Marked,
            _ => Marking::None,
        };
        let how = ImtRetention::Checkpoint { id: 1, marking };
        started
            .other
            .insert_frontier(imt_frontier(frontier), how)
            .unwrap();
        started
    }

    fn engine(&mut self) -> Tree<&mut MemKv, H, DEPTH> {
        open(&mut self.kv, config(self.retention))
    }

    fn append(&mut self, count: u64) {
        let size = self.complete.size();
        let count = count.min((1 << DEPTH) - size);
        let new = leaves::<H>(self.next_leaf, count);
        self.next_leaf += count;
        assert_eq!(self.engine().append(&new), Ok(size));
        let retention = match self.retention {
            Retention::Marked => ImtRetention::Marked,
            Retention::Ephemeral => ImtRetention::Ephemeral,
        };
        for leaf in &new {
            self.other.append(leaf.clone(), retention).unwrap();
        }
        self.complete.append(&new);
    }

    fn checkpoint(&mut self) {
        let id = self.checkpoints.last().unwrap().0 + 7;
        self.engine().checkpoint(id).unwrap();
        assert!(self.other.checkpoint(id).unwrap());
        self.checkpoints.push((id, self.complete.size()));
    }

    fn rewind(&mut self, depth: usize) {
        let keep = self.checkpoints.len() - depth;
        self.checkpoints.truncate(keep);
        let (id, size) = self.checkpoints[keep - 1];
        self.engine().rewind(id).unwrap();
        assert!(self.other.truncate_to_checkpoint(&id).unwrap());
        self.complete.truncate(size);
    }

    /// Compares everything at all checkpoints; of the leaves, only those in `positions`.
    fn verify(&mut self, positions: &[u64]) {
        let violations = self.engine().check().unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
        let size = self.complete.size();
        assert_eq!(self.engine().size(), Ok(size));
        assert_eq!(self.engine().root(), Ok(self.complete.root(size)));
        assert_eq!(self.engine().frontier(), Ok(self.complete.frontier(size)));
        for (id, at) in self.checkpoints.clone() {
            let root = self.complete.root(at);
            assert_eq!(self.engine().root_at(id).as_ref(), Ok(&root));
            if at > 0 {
                let other = self.other.root_at_checkpoint_id(&id).unwrap().unwrap();
                assert_eq!(other, root);
            }
            let plain: ShardTree<KvShardStore<H, 4, &mut MemKv>, DEPTH, 4> =
                ShardTree::new(KvShardStore::over(&mut self.kv), 20);
            assert_eq!(plain.root_at_checkpoint_id(&id).unwrap().unwrap(), root);
            for &position in positions {
                self.verify_leaf(position, id, at, &root);
            }
        }
    }

    fn verify_leaf(&mut self, position: u64, id: u32, at: u64, root: &H) {
        let ours = self.engine().witness_at(position, id);
        if position >= at {
            assert_eq!(ours, Err(Error::PositionNotFound { position, size: at }));
            return;
        }
        if position < self.start {
            // If the frontier's leaf has a left sibling, that leaf is the first ommer.
            let sibling = self.start % 2 == 1 && position + 1 == self.start;
            assert!(
                sibling || ours == Err(Error::Pruned { position }),
                "{position}: {ours:?}"
            );
        }
        let theirs = self.other.witness_at_checkpoint_id(position.into(), &id);
        let plain: ShardTree<KvShardStore<H, 4, &mut MemKv>, DEPTH, 4> =
            ShardTree::new(KvShardStore::over(&mut self.kv), 20);
        let plain = plain.witness_at_checkpoint_id(position.into(), &id);
        match &ours {
            Ok(path) => {
                assert_eq!(
                    path,
                    &self.complete.path(position, at),
                    "{position} at {at}"
                );
                assert_eq!(&fold(position, self.complete.leaf(position), path), root);
                assert_eq!(
                    &self.engine().leaf(position).unwrap(),
                    self.complete.leaf(position)
                );
            }
            Err(Error::Pruned { .. }) => assert!(
                position < self.start || self.retention == Retention::Ephemeral,
                "{position} was kept"
            ),
            Err(e) => panic!("{position} at {at}: {e}"),
        }
        for other in [theirs.ok().flatten(), plain.ok().flatten()]
            .into_iter()
            .flatten()
        {
            assert_eq!(
                other.path_elems(),
                ours.as_ref().unwrap(),
                "{position} at {at}"
            );
        }
        if self.retention == Retention::Marked && position >= self.start {
            let plain: ShardTree<KvShardStore<H, 4, &mut MemKv>, DEPTH, 4> =
                ShardTree::new(KvShardStore::over(&mut self.kv), 20);
            let plain = plain
                .witness_at_checkpoint_id(position.into(), &id)
                .unwrap();
            assert_eq!(plain.unwrap().path_elems(), ours.unwrap());
        }
    }

    fn positions(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        let size = self.complete.size();
        let near = self.start.saturating_sub(3)..(self.start + 20).min(size);
        let mut positions: Vec<u64> = near.collect();
        positions.extend((0..8).map(|_| rng.random_range(0..=size)));
        positions.extend(size.saturating_sub(3)..=size);
        positions
    }

    fn grow(&mut self, rng: &mut ChaCha8Rng) {
        let positions = self.positions(rng);
        self.verify(&positions);
        for count in [1, 14, 17, 100, rng.random_range(0..40)] {
            self.append(count);
            self.checkpoint();
            let positions = self.positions(rng);
            self.verify(&positions);
        }
        for depth in [1, 2, 1] {
            self.rewind(depth);
            let positions = self.positions(rng);
            self.verify(&positions);
            self.append(rng.random_range(0..60));
        }
        self.rewind(self.checkpoints.len() - 1 - usize::from(self.checkpoints.len() > 1));
        self.append(33);
        let positions = self.positions(rng);
        self.verify(&positions);
    }
}

const SIZES: [u64; 16] = [
    0, 1, 2, 15, 16, 17, 31, 32, 100, 127, 128, 129, 1000, 2048, 4095, 4096,
];

fn small<H: TestNode>(rng: &mut ChaCha8Rng, size: u64, retention: Retention) {
    let complete = Complete::of(12, &leaves::<H>(0, size));
    let frontier = complete.frontier(size);
    let store = MemoryShardStore::empty();
    Started::<H, _, 12>::new(&frontier, complete, store, retention).grow(rng);
}

#[test]
fn from_a_small_tree_numbers() {
    for_seeds("from_a_small_tree_numbers", 0, 4, |rng| {
        for size in SIZES {
            small::<CheapNode>(rng, size, Retention::Marked);
            small::<CheapNode>(rng, size, Retention::Ephemeral);
        }
    });
}

#[test]
fn from_a_small_tree_of_any_size() {
    for_seeds("from_a_small_tree_of_any_size", 500, 60, |rng| {
        let size = rng.random_range(0..4096);
        small::<CheapNode>(rng, size, Retention::Marked);
    });
}

#[test]
fn from_a_small_tree_strings() {
    for_seeds("from_a_small_tree_strings", 100, 1, |rng| {
        for size in [1, 16, 100, 129, 1000] {
            small::<String>(rng, size, Retention::Marked);
        }
    });
}

/// A frontier that was made up: no leaves before it are known.
fn made_up<H: TestNode>(size: u64) -> TreeFrontier<H> {
    TreeFrontier {
        size,
        leaf: Some(H::leaf(77)),
        ommers: leaves(500, (size - 1).count_ones().into()),
    }
}

/// For shards with such indices `MemoryShardStore` would fill gigabytes, so the other `ShardTree`
/// gets a sparse store.
fn large<H: TestNode, const DEPTH: u8>(rng: &mut ChaCha8Rng, size: u64, retention: Retention) {
    let frontier = made_up::<H>(size);
    let complete = Complete::from_frontier(DEPTH, &frontier);
    let store = KvShardStore::<H, 4, MemKv>::over(MemKv::new());
    let mut started = Started::<H, _, DEPTH>::new(&frontier, complete, store, retention);
    started.grow(rng);
}

#[test]
fn from_a_large_tree() {
    for_seeds("from_a_large_tree", 200, 4, |rng| {
        for size in [
            1 << 16,
            (1 << 20) + 1,
            49_517_611,
            (1 << 31) - 3,
            1 << 31,
            (1 << 31) + 5,
            (1 << 32) - 500,
            (1 << 32) - 130,
        ] {
            large::<CheapNode, 32>(rng, size, Retention::Marked);
            large::<CheapNode, 32>(rng, size, Retention::Ephemeral);
        }
    });
}

/// To the last leaf and no further, with a cheap hash and with Orchard's.
fn fill<H: TestNode>(rng: &mut ChaCha8Rng, before: u64) {
    let size = (1 << 32) - before;
    let frontier = made_up::<H>(size);
    let complete = Complete::from_frontier(32, &frontier);
    let store = KvShardStore::<H, 4, MemKv>::over(MemKv::new());
    let mut started = Started::<H, _, 32>::new(&frontier, complete, store, Retention::Marked);
    let one_too_many = leaves::<H>(0, before + 1);
    let full = Error::TreeFull {
        size,
        count: before + 1,
    };
    let unchanged = started.kv.clone();
    assert_eq!(started.engine().append(&one_too_many), Err(full));
    assert_eq!(started.kv, unchanged);
    started.append(before / 2);
    started.checkpoint();
    started.append(before);
    started.checkpoint();
    assert_eq!(started.complete.size(), 1 << 32);
    let full = Error::TreeFull {
        size: 1 << 32,
        count: 1,
    };
    assert_eq!(started.engine().append(&one_too_many[..1]), Err(full));
    let positions = match before {
        0..4 => vec![(1 << 32) - 1, started.start],
        _ => vec![
            (1 << 32) - 1,
            started.start,
            rng.random_range(size..1 << 32),
        ],
    };
    started.verify(&positions);
    started.rewind(2);
    started.append(before);
    started.verify(&positions);
}

#[test]
fn to_the_last_leaf() {
    for_seeds("to_the_last_leaf", 300, 1, |rng| {
        for before in [0, 1, 2, 15, 16, 17, 40, 129, 300] {
            fill::<CheapNode>(rng, before);
        }
        for before in [0, 1, 20] {
            fill::<OrchardNode>(rng, before);
        }
    });
}

#[test]
fn frontiers_with_orchards_hash() {
    for_seeds("frontiers_with_orchards_hash", 400, 1, |_| {
        let frontier = made_up::<OrchardNode>(49_517_611);
        let complete = Complete::from_frontier(32, &frontier);
        let store = KvShardStore::<OrchardNode, 4, MemKv>::over(MemKv::new());
        let mut started = Started::<_, _, 32>::new(&frontier, complete, store, Retention::Marked);
        started.append(7);
        started.checkpoint();
        let start = started.start;
        started.verify(&[start - 1, start, start + 7]);
    });
}

/// The frontier is what `incrementalmerkletree` makes of the same leaves, at every size. A tree
/// that starts from it has the same frontier.
#[test]
fn frontier_out_at_every_size() {
    for retention in [Retention::Marked, Retention::Ephemeral] {
        let mut tree = open::<_, CheapNode, 12>(MemKv::new(), config(retention));
        let mut reference = Frontier::<CheapNode, 12>::empty();
        for size in 0..600 {
            let ours = tree.frontier().unwrap();
            assert_eq!(ours.size, size);
            assert_eq!(imt_frontier::<_, 12>(&ours), reference);
            assert_eq!(tree.root(), Ok(reference.root()));
            let mut other = open::<_, CheapNode, 12>(MemKv::new(), config(retention));
            other.insert_frontier(&ours, 1).unwrap();
            assert_eq!(other.frontier(), Ok(ours));
            assert_eq!(other.root(), Ok(reference.root()));
            let leaf = CheapNode::leaf(size);
            tree.append(&[leaf]).unwrap();
            assert!(reference.append(leaf));
        }
    }
}

/// The same for a few leaves with Orchard's hash.
#[test]
fn frontier_out_with_orchards_hash() {
    let mut tree = open::<_, OrchardNode, 32>(MemKv::new(), config(Retention::Marked));
    let mut reference = Frontier::<OrchardNode, 32>::empty();
    for number in 0..cases(20) {
        let leaf = OrchardNode::leaf(number);
        tree.append(&[leaf]).unwrap();
        assert!(reference.append(leaf));
        let ours = tree.frontier().unwrap();
        assert_eq!(imt_frontier::<_, 32>(&ours), reference);
    }
}

/// A frontier that is invalid, or that comes too late.
#[test]
fn bad_frontiers_are_refused() {
    let mut tree = open::<_, CheapNode, 12>(MemKv::new(), config(Retention::Marked));
    let good = made_up::<CheapNode>(100);
    let mut bad = vec![];
    for ommers in [0, 3, 5, 32, 1000] {
        let ommers = leaves(0, ommers);
        if ommers.len() != good.ommers.len() {
            bad.push(TreeFrontier {
                ommers,
                ..good.clone()
            });
        }
    }
    bad.push(TreeFrontier {
        leaf: None,
        ..good.clone()
    });
    bad.push(TreeFrontier {
        size: 0,
        ..good.clone()
    });
    bad.push(made_up(4097));
    bad.push(TreeFrontier {
        size: u64::MAX,
        ..good.clone()
    });
    bad.push(TreeFrontier {
        leaf: Some(CheapNode(1)),
        ..TreeFrontier::empty()
    });
    for frontier in bad {
        let outcome = tree.insert_frontier(&frontier, 1);
        assert!(
            matches!(outcome, Err(Error::InvalidArgument(_))),
            "{frontier:?}: {outcome:?}"
        );
        assert_eq!(*tree.kv(), MemKv::new());
    }
    tree.insert_frontier(&TreeFrontier::empty(), 1).unwrap();
    let order = Error::CheckpointOrder { id: 1, newest: 1 };
    assert_eq!(tree.insert_frontier(&good, 1), Err(order));
    tree.insert_frontier(&good, 2).unwrap();
    let again = tree.insert_frontier(&good, 3);
    assert_eq!(again, Err(Error::NotEmpty { size: 100 }));
    // After a rewind to before the frontier, the tree is empty again.
    tree.rewind(1).unwrap();
    assert_eq!(tree.check(), Ok(vec![]));
    tree.insert_frontier(&good, 2).unwrap();
    assert_eq!(tree.check(), Ok(vec![]));
}

/// A started tree whose cap is lost or damaged: `check` reports it and does not fail.
#[test]
fn check_reports_a_lost_cap() {
    let mut tree = open::<_, CheapNode, 20>(MemKv::new(), config(Retention::Marked));
    tree.insert_frontier(&made_up(5000), 1).unwrap();
    tree.append(&leaves(0, 165)).unwrap();
    let cap = kvshard::keys::cap();
    let sound = tree.kv().records()[&cap].clone();
    for damaged in [None, Some(vec![1]), Some(vec![1, 0]), Some(vec![2])] {
        let records = tree.kv_mut().records_mut();
        match damaged {
            None => records.remove(&cap),
            Some(value) => records.insert(cap.clone(), value),
        };
        let violations = tree.check().unwrap();
        assert!(
            violations.iter().any(|v| v.invariant == "cap"),
            "{violations:#?}"
        );
    }
    tree.kv_mut().records_mut().insert(cap, sound);
    assert_eq!(tree.check(), Ok(vec![]));
}
