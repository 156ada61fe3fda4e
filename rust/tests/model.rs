//! Random histories on the engine and, side by side, on two trees by others:
//! `ShardTree<MemoryShardStore>` and `incrementalmerkletree-testing`'s complete tree; and a plain
//! `ShardTree` over the engine's own records. Two trees share each store, under prefixes.
//!
//! `KVSHARD_HISTORIES` is how many histories `mixed` plays (the others a share of them),
//! `KVSHARD_SEED` the first one's seed. A history that fails is played again with fewer and fewer
//! calls, and what is left is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use incrementalmerkletree::{Hashable, Level, Position, Retention as ImtRetention};
use incrementalmerkletree_testing::Tree as _;
use incrementalmerkletree_testing::complete_tree::CompleteTree;
use kvshard::engine::{CheckpointInfo, Config, Engine, Retention, Threads};
use kvshard::error::{Error, KvError};
use kvshard::kv::{Direction, Entries, Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardtree::ShardTree;
use shardtree::store::ShardStore;
use shardtree::store::memory::MemoryShardStore;

#[path = "../fuzz/src/node.rs"]
mod node;

use node::CheapNode;

/// What is done, in numbers that mean something in any state, so that a history stays one when calls
/// are left out of it.
#[derive(Clone, Copy, Debug)]
enum Call {
    Append { count: u16, marked: bool },
    Checkpoint { skip: u16 },
    Rewind { pick: u16 },
    RemoveMark { pick: u16, position: u16 },
    Retain { pick: u16 },
    Release { pick: u16 },
    Reopen,
}

/// A call, on which of the two trees, and where to look afterwards.
#[derive(Clone, Copy, Debug)]
struct Step {
    second: bool,
    call: Call,
    look: (u16, u16),
}

/// How the histories of a test are made.
#[derive(Clone, Copy)]
struct Kind {
    marked_share: f64,
    steps: usize,
    /// The largest batches.
    batch: u16,
}

fn history(rng: &mut ChaCha8Rng, kind: Kind) -> Vec<Step> {
    let mut steps = vec![];
    for _ in 0..kind.steps {
        let pick = rng.random();
        let call = match rng.random_range(0..100) {
            0..50 => Call::Append {
                count: match rng.random_range(0..10) {
                    0..5 => 1,
                    5..9 => rng.random_range(1..20),
                    _ => rng.random_range(1..kind.batch),
                },
                marked: rng.random_bool(kind.marked_share),
            },
            50..78 => Call::Checkpoint {
                skip: match rng.random_range(0..4) {
                    0 => rng.random_range(0..600),
                    _ => 0,
                },
            },
            78..83 => Call::Rewind { pick },
            83..90 => Call::RemoveMark {
                pick,
                position: rng.random(),
            },
            90..94 => Call::Retain { pick },
            94..97 => Call::Release { pick },
            _ => Call::Reopen,
        };
        steps.push(Step {
            second: rng.random_bool(0.3),
            call,
            look: (rng.random(), rng.random()),
        });
    }
    steps
}

/// A part of a store: the keys under a byte.
#[derive(Debug)]
struct Prefixed<'k> {
    kv: &'k mut MemKv,
    prefix: u8,
}

impl Prefixed<'_> {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&[self.prefix], key].concat()
    }
}

impl Kv for Prefixed<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.kv.get(&self.key(key))
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        let key = self.key(key);
        self.kv.set(&key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        let key = self.key(key);
        self.kv.delete(&key)
    }

    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        let entries = self.kv.iterate(&self.key(prefix), direction)?;
        Ok(Box::new(entries.map(|entry| {
            entry.map(|(key, value)| (key[1..].to_vec(), value))
        })))
    }
}

/// One tree in all its forms.
struct Trees<const DEPTH: u8> {
    prefix: u8,
    max_checkpoints: u32,
    shard_tree: ShardTree<MemoryShardStore<CheapNode, u32>, DEPTH, 4>,
    /// Never prunes: it has every checkpoint that was not rewound.
    complete: CompleteTree<CheapNode, u32, DEPTH>,
    all_ids: Vec<u32>,
    leaves: Vec<CheapNode>,
    checkpoints: Vec<CheckpointInfo>,
    marks: Marks,
    next_id: u32,
    next_leaf: u64,
}

/// Which leaves must be provable.
#[derive(Default)]
struct Marks {
    /// Of each leaf, whether it was appended with a mark.
    marked: Vec<bool>,
    /// The checkpoints as of which a mark was removed.
    removed: BTreeMap<u64, BTreeSet<u32>>,
    /// The marks for which no checkpoint up to those is kept any more, or once was not.
    gone: BTreeSet<u64>,
}

impl Marks {
    /// A mark is needed as long as a checkpoint is kept up to the last one that removed it.
    fn checkpoints_from(&mut self, lowest: u32) {
        let gone = self
            .removed
            .iter()
            .filter(|(_, ids)| ids.last() < Some(&lowest));
        self.gone.extend(gone.map(|(position, _)| position));
    }

    fn rewind(&mut self, id: u32, size: u64) {
        self.marked.truncate(size as usize);
        self.gone.retain(|position| *position < size);
        for ids in self.removed.values_mut() {
            ids.retain(|as_of| *as_of < id);
        }
        self.removed.retain(|_, ids| !ids.is_empty());
    }

    fn may_be_pruned(&self, position: u64) -> bool {
        !self.marked[position as usize] || self.gone.contains(&position)
    }
}

impl<const DEPTH: u8> Trees<DEPTH> {
    fn new(prefix: u8, max_checkpoints: u32) -> Self {
        Trees {
            prefix,
            max_checkpoints,
            shard_tree: ShardTree::new(MemoryShardStore::empty(), max_checkpoints as usize),
            complete: CompleteTree::new(usize::MAX),
            all_ids: vec![],
            leaves: vec![],
            checkpoints: vec![],
            marks: Marks::default(),
            next_id: 1,
            next_leaf: u64::from(prefix) << 32,
        }
    }

    fn engine<'k>(&self, kv: &'k mut MemKv) -> Engine<Prefixed<'k>, CheapNode, DEPTH> {
        self.engine_with(kv, Retention::Marked)
    }

    fn engine_with<'k>(
        &self,
        kv: &'k mut MemKv,
        retention: Retention,
    ) -> Engine<Prefixed<'k>, CheapNode, DEPTH> {
        let config = Config {
            max_checkpoints: self.max_checkpoints,
            retention,
            threads: Threads::AtMost(1),
        };
        let prefix = self.prefix;
        Engine::new(Prefixed { kv, prefix }, config)
    }

    fn play(&mut self, kv: &mut MemKv, call: Call) {
        match call {
            Call::Append { count, marked } => self.append(kv, count.into(), marked),
            Call::Checkpoint { skip } => self.checkpoint(kv, skip.into()),
            Call::Rewind { pick } => self.rewind(kv, pick),
            Call::RemoveMark { pick, position } => self.remove_mark(kv, pick, position),
            Call::Retain { pick } => self.retain(kv, pick),
            Call::Release { pick } => self.release(kv, pick),
            Call::Reopen => {
                let records = kv.records().clone();
                *kv = MemKv::new();
                *kv.records_mut() = records;
            }
        }
    }

    fn append(&mut self, kv: &mut MemKv, count: u64, marked: bool) {
        let count = count.min((1u64 << DEPTH) - self.leaves.len() as u64);
        let numbers = self.next_leaf..self.next_leaf + count;
        let leaves: Vec<_> = numbers.map(CheapNode::leaf).collect();
        self.next_leaf += count;
        let (retention, theirs) = match marked {
            true => (Retention::Marked, ImtRetention::Marked),
            false => (Retention::Ephemeral, ImtRetention::Ephemeral),
        };
        let first = self.leaves.len() as u64;
        assert_eq!(self.engine_with(kv, retention).append(&leaves), Ok(first));
        for leaf in &leaves {
            self.shard_tree.append(*leaf, theirs).unwrap();
            assert!(self.complete.append(*leaf, theirs));
        }
        self.marks.marked.extend(leaves.iter().map(|_| marked));
        self.leaves.extend(leaves);
    }

    fn checkpoint(&mut self, kv: &mut MemKv, skip: u32) {
        let id = self.next_id + skip;
        self.engine(kv).checkpoint(id).unwrap();
        assert!(self.shard_tree.checkpoint(id).unwrap());
        assert!(self.complete.checkpoint(id));
        self.all_ids.push(id);
        self.next_id = id + 1;
        self.checkpoints.push(CheckpointInfo {
            id,
            size: self.leaves.len() as u64,
            retained: false,
        });
        let prunable = self.checkpoints.iter().filter(|c| !c.retained).count();
        for _ in self.max_checkpoints as usize..prunable {
            let oldest = self.checkpoints.iter().position(|c| !c.retained);
            self.checkpoints.remove(oldest.unwrap());
        }
        self.marks.checkpoints_from(self.checkpoints[0].id);
    }

    fn pick(&self, pick: u16) -> Option<usize> {
        let count = self.checkpoints.len();
        (count > 0).then(|| usize::from(pick) % count)
    }

    fn rewind(&mut self, kv: &mut MemKv, pick: u16) {
        let Some(at) = self.pick(pick) else {
            return;
        };
        let CheckpointInfo { id, size, .. } = self.checkpoints[at];
        self.engine(kv).rewind(id).unwrap();
        assert!(self.shard_tree.truncate_to_checkpoint(&id).unwrap());
        assert!(self.complete.rewind(self.depth_of(id)));
        for dropped in self.checkpoints.drain(at + 1..).filter(|c| c.retained) {
            self.shard_tree
                .remove_retained_checkpoint(&dropped.id)
                .unwrap();
        }
        self.all_ids.retain(|other| *other <= id);
        self.leaves.truncate(size as usize);
        self.marks.rewind(id, size);
        self.next_id = id + 1;
    }

    fn remove_mark(&mut self, kv: &mut MemKv, pick: u16, position: u16) {
        let Some(at) = self.pick(pick) else {
            return;
        };
        let CheckpointInfo { id, size, .. } = self.checkpoints[at];
        if size == 0 {
            return;
        }
        let position = u64::from(position) % size;
        let ours = self.engine(kv).remove_mark(position, id);
        let theirs = self.shard_tree.remove_mark(position.into(), Some(&id));
        let theirs = theirs.unwrap();
        // Ours waits for retained checkpoints, and so may still have a mark.
        assert!(
            ours == Ok(theirs) || ours == Ok(true),
            "mark at {position} as of {id}"
        );
        if ours == Ok(true) {
            self.marks.removed.entry(position).or_default().insert(id);
        }
    }

    fn retain(&mut self, kv: &mut MemKv, pick: u16) {
        if let Some(at) = self.pick(pick) {
            let id = self.checkpoints[at].id;
            self.engine(kv).retain_checkpoint(id).unwrap();
            self.shard_tree.ensure_retained(id).unwrap();
            self.checkpoints[at].retained = true;
        }
    }

    fn release(&mut self, kv: &mut MemKv, pick: u16) {
        if let Some(at) = self.pick(pick) {
            let id = self.checkpoints[at].id;
            self.engine(kv).release_checkpoint(id).unwrap();
            self.shard_tree.remove_retained_checkpoint(&id).unwrap();
            self.checkpoints[at].retained = false;
            // `ShardTree` prunes at its next append already, the engine at its next checkpoint.
            self.checkpoint(kv, 0);
        }
    }

    /// How many checkpoints the complete tree has above this one.
    fn depth_of(&self, id: u32) -> usize {
        self.all_ids.iter().filter(|other| **other > id).count()
    }

    /// After each step: check, size and root, and root and witness at one checkpoint.
    fn verify(&self, kv: &mut MemKv, look: (u16, u16)) {
        let violations = self.engine(kv).check().unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
        let mut engine = self.engine(kv);
        assert_eq!(engine.size(), Ok(self.leaves.len() as u64));
        assert_eq!(engine.root(), Ok(self.complete.root(None).unwrap()));
        assert_eq!(engine.checkpoints(), Ok(self.checkpoints.clone()));
        if let Some(at) = self.pick(look.0) {
            self.verify_at(kv, self.checkpoints[at], look.1);
        }
    }

    /// Behind the last step: every checkpoint.
    fn verify_all(&self, kv: &mut MemKv) {
        for (checkpoint, position) in self.checkpoints.iter().zip(0..) {
            self.verify_at(kv, *checkpoint, position * 7);
        }
        self.engine(kv).frontier().unwrap();
        self.engine(kv).dump().unwrap();
    }

    fn verify_at(&self, kv: &mut MemKv, at: CheckpointInfo, position: u16) {
        let CheckpointInfo { id, size, .. } = at;
        let root = self.complete.root(Some(self.depth_of(id))).unwrap();
        assert_eq!(self.engine(kv).root_at(id), Ok(root), "at {id}");
        assert_eq!(self.engine(kv).size_at(id), Ok(size));
        let theirs = self.shard_tree.root_at_checkpoint_id(&id).unwrap();
        assert_eq!(theirs, Some(root));
        let position = u64::from(position) % (size + 1);
        if position == size {
            let ours = self.engine(kv).witness_at(position, id);
            assert_eq!(ours, Err(Error::PositionNotFound { position, size }));
            return;
        }
        self.verify_witness(kv, at, root, position);
    }

    fn verify_witness(&self, kv: &mut MemKv, at: CheckpointInfo, root: CheapNode, position: u64) {
        let id = at.id;
        let ours = self.engine(kv).witness_at(position, id);
        let theirs = self
            .shard_tree
            .witness_at_checkpoint_id(Position::from(position), &id);
        match (&ours, theirs) {
            (Ok(ours), Ok(Some(theirs))) => assert_eq!(ours, theirs.path_elems()),
            // The engine keeps the newest leaf and its siblings, and what retained checkpoints prove;
            // `ShardTree` may not.
            (Ok(ours), Err(_)) => {
                let mut node = self.leaves[position as usize];
                for (level, sibling) in (0..DEPTH).zip(ours) {
                    node = match position >> level & 1 {
                        0 => CheapNode::combine(Level::from(level), &node, sibling),
                        _ => CheapNode::combine(Level::from(level), sibling, &node),
                    };
                }
                assert_eq!(node, root);
            }
            (Err(Error::Pruned { .. }), Err(_)) => {
                assert!(self.marks.may_be_pruned(position), "{position} at {id}");
            }
            (ours, theirs) => panic!("{position} at {id}: {ours:?}, but {theirs:?}"),
        }
        let complete = self.complete.witness(position.into(), self.depth_of(id));
        if let (Ok(ours), Some(theirs)) = (&ours, complete) {
            assert_eq!(*ours, theirs);
        }
        // A plain ShardTree over the same records.
        let prefix = self.prefix;
        let plain: ShardTree<KvShardStore<CheapNode, 4, Prefixed<'_>>, DEPTH, 4> =
            ShardTree::new(KvShardStore::over(Prefixed { kv, prefix }), 100);
        assert_eq!(plain.root_at_checkpoint_id(&id).unwrap(), Some(root));
        if let Ok(plain) = plain.witness_at_checkpoint_id(Position::from(position), &id) {
            assert_eq!(ours.unwrap(), plain.unwrap().path_elems());
        }
    }
}

fn play<const DEPTH: u8>(limits: [u32; 2], steps: &[Step]) {
    let mut kv = MemKv::new();
    let [first, second] = limits;
    let mut trees = [
        Trees::<DEPTH>::new(b'a', first),
        Trees::<DEPTH>::new(b'b', second),
    ];
    for step in steps {
        let tree = &mut trees[usize::from(step.second)];
        tree.play(&mut kv, step.call);
        tree.verify(&mut kv, step.look);
    }
    for tree in &trees {
        tree.verify(&mut kv, (0, 0));
        tree.verify_all(&mut kv);
    }
}

fn passes<const DEPTH: u8>(limits: [u32; 2], steps: &[Step]) -> bool {
    catch_unwind(AssertUnwindSafe(|| play::<DEPTH>(limits, steps))).is_ok()
}

/// Leaves out calls as long as what is left still fails.
fn shrink<const DEPTH: u8>(limits: [u32; 2], mut steps: Vec<Step>) -> Vec<Step> {
    let begun = Instant::now();
    let mut width = steps.len() / 2;
    while width > 0 {
        let mut at = 0;
        while at < steps.len() && begun.elapsed() < Duration::from_secs(60) {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + width).min(steps.len()));
            match passes::<DEPTH>(limits, &fewer) {
                true => at += width,
                false => steps = fewer,
            }
        }
        width /= 2;
    }
    steps
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("it is no number"))
}

/// Plays one history in `share` of those that were asked for.
fn histories<const DEPTH: u8>(share: u64, kind: Kind) {
    let count = number("KVSHARD_HISTORIES").unwrap_or(3000) / share;
    let from = number("KVSHARD_SEED").unwrap_or(0);
    for seed in from..from.saturating_add(count) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let limits = [0; 2].map(|_: u32| match rng.random_range(0..3) {
            0 => rng.random_range(1..=200),
            _ => rng.random_range(1..6),
        });
        let steps = history(&mut rng, kind);
        if !passes::<DEPTH>(limits, &steps) {
            let least = shrink::<DEPTH>(limits, steps);
            panic!("seed {seed} (KVSHARD_SEED), at most {limits:?} checkpoints: {least:#?}");
        }
    }
}

/// Small trees: some eight shards.
const SMALL: u8 = 8;
/// Quads of two levels.
const LARGE: u8 = 11;

const KIND: Kind = Kind {
    marked_share: 0.5,
    steps: 40,
    batch: 100,
};

#[test]
fn marked() {
    let marked_share = 1.0;
    histories::<SMALL>(
        2,
        Kind {
            marked_share,
            ..KIND
        },
    );
}

#[test]
fn ephemeral() {
    let marked_share = 0.0;
    histories::<SMALL>(
        2,
        Kind {
            marked_share,
            ..KIND
        },
    );
}

#[test]
fn mixed() {
    histories::<SMALL>(1, KIND);
}

#[test]
fn large() {
    let (steps, batch) = (80, 700);
    histories::<LARGE>(
        50,
        Kind {
            steps,
            batch,
            ..KIND
        },
    );
}

#[test]
fn plain_tree_may_not_write() {
    let mut tree: Engine<_, CheapNode> = Engine::new(MemKv::new(), Config::default());
    tree.append(&[CheapNode::leaf(1)]).unwrap();
    let mut kv = tree.into_kv();
    let mut store: KvShardStore<CheapNode, 4, &mut MemKv> = KvShardStore::over(&mut kv);
    let shard = store.last_shard().unwrap().unwrap();
    assert!(store.put_shard(shard).is_err());
    assert!(store.truncate_shards(0).is_err());
}
