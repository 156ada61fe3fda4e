//! Random histories on the engine and on two other trees beside it: `ShardTree<MemoryShardStore>`
//! and the complete tree of `incrementalmerkletree-testing`. A plain `ShardTree` also reads the
//! engine's own records. Two trees share each store, under prefixes.
//!
//! `KVSHARD_HISTORIES` is how many histories `mixed` plays (the others play a share of it),
//! `KVSHARD_SEED` the first one's seed. A history that fails is played again with fewer and fewer
//! calls, and the calls that are left are printed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use incrementalmerkletree::{Position, Retention as ImtRetention};
use incrementalmerkletree_testing::Tree as _;
use incrementalmerkletree_testing::complete_tree::CompleteTree;
use kvshard::engine::{CheckpointInfo, Config, Retention};
use kvshard::error::KvError;
use kvshard::kv::{Direction, Entries, Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::call::{Answer, Call};
use kvshard_testkit::cases::number;
use kvshard_testkit::complete::fold;
use kvshard_testkit::model::Model;
use kvshard_testkit::node::{CheapNode, TestNode};
use kvshard_testkit::open;
use kvshard_testkit::step::{Kind, Step, Which};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardtree::ShardTree;
use shardtree::store::ShardStore;
use shardtree::store::memory::MemoryShardStore;

/// A step, the one of the two trees that it is for, and where to look afterwards.
#[derive(Clone, Copy, Debug)]
struct Turn {
    second: bool,
    step: Step,
    look: (u16, u16),
}

fn history(rng: &mut ChaCha8Rng, length: usize, kind: Kind) -> Vec<Turn> {
    let turn = |_| Turn {
        second: rng.random_bool(0.3),
        step: Step::random(rng, kind),
        look: (rng.random(), rng.random()),
    };
    (0..length).map(turn).collect()
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

/// One tree, in all its forms.
struct Trees<const DEPTH: u8> {
    prefix: u8,
    model: Model<CheapNode>,
    shard_tree: ShardTree<MemoryShardStore<CheapNode, u32>, DEPTH, 4>,
    /// Never prunes: it has every checkpoint that was not rewound.
    complete: CompleteTree<CheapNode, u32, DEPTH>,
    all_ids: Vec<u32>,
}

impl<const DEPTH: u8> Trees<DEPTH> {
    fn new(prefix: u8, max_checkpoints: u32) -> Self {
        Trees {
            prefix,
            model: Model::new(DEPTH, max_checkpoints, u64::from(prefix) << 32),
            shard_tree: ShardTree::new(MemoryShardStore::empty(), max_checkpoints as usize),
            complete: CompleteTree::new(usize::MAX),
            all_ids: vec![],
        }
    }

    fn play(&mut self, kv: &mut MemKv, step: Step) {
        if let Step::Reopen = step {
            let records = kv.records().clone();
            *kv = MemKv::new();
            *kv.records_mut() = records;
        }
        let Some(call) = self.model.call(step) else {
            return;
        };
        self.make(kv, &call);
        if let Call::Release(_) = call {
            // `ShardTree` prunes at its next append, the engine only at its next checkpoint.
            let next = self.all_ids.last().map_or(0, |newest| newest + 1);
            self.make(kv, &Call::Checkpoint(next));
        }
    }

    /// Makes a call on the engine, and one that succeeds on the others too.
    fn make(&mut self, kv: &mut MemKv, call: &Call<CheapNode>) {
        if let Ok(answer) = self.ask(kv, call) {
            self.model.apply(call);
            self.follow(call, &answer);
        }
    }

    /// The engine's outcome; the model checks it.
    fn ask(
        &self,
        kv: &mut MemKv,
        call: &Call<CheapNode>,
    ) -> Result<Answer<CheapNode>, kvshard::error::Error> {
        let prefix = self.prefix;
        let outcome = call.run::<_, DEPTH>(Prefixed { kv, prefix }, self.model.max_checkpoints);
        self.model.assert_right(call, &outcome);
        outcome
    }

    fn follow(&mut self, call: &Call<CheapNode>, answer: &Answer<CheapNode>) {
        match call {
            Call::Append(leaves, retention) => {
                let retention = match retention {
                    Retention::Marked => ImtRetention::Marked,
                    Retention::Ephemeral => ImtRetention::Ephemeral,
                };
                for leaf in leaves {
                    self.shard_tree.append(*leaf, retention).unwrap();
                    assert!(self.complete.append(*leaf, retention));
                }
            }
            Call::Checkpoint(id) => {
                assert!(self.shard_tree.checkpoint(*id).unwrap());
                assert!(self.complete.checkpoint(*id));
                self.all_ids.push(*id);
            }
            Call::Rewind(id) => self.rewind(*id),
            Call::RemoveMark(position, id) => {
                let theirs = self.shard_tree.remove_mark((*position).into(), Some(id));
                // The engine waits for retained checkpoints, so it may still have a mark.
                let theirs = theirs.unwrap();
                assert!(
                    [Answer::Bool(theirs), Answer::Bool(true)].contains(answer),
                    "mark at {position} as of {id}"
                );
            }
            Call::Retain(id) => self.shard_tree.ensure_retained(*id).unwrap(),
            Call::Release(id) => self.shard_tree.remove_retained_checkpoint(id).unwrap(),
            other => panic!("{other:?} writes nothing"),
        }
    }

    fn rewind(&mut self, id: u32) {
        let retained = self.shard_tree.store().retained_checkpoints().unwrap();
        assert!(self.shard_tree.truncate_to_checkpoint(&id).unwrap());
        assert!(self.complete.rewind(self.depth_of(id)));
        for dropped in retained.range(id + 1..) {
            self.shard_tree.remove_retained_checkpoint(dropped).unwrap();
        }
        self.all_ids.retain(|other| *other <= id);
    }

    /// How many checkpoints of the complete tree are above this one.
    fn depth_of(&self, id: u32) -> usize {
        self.all_ids.iter().filter(|other| **other > id).count()
    }

    /// After each step: check, size and root, and root and witness at one checkpoint.
    fn verify(&self, kv: &mut MemKv, look: (u16, u16)) {
        for call in [Call::Check, Call::Size, Call::Checkpoints] {
            self.ask(kv, &call).unwrap();
        }
        let root = self.complete.root(None).unwrap();
        assert_eq!(self.ask(kv, &Call::Root), Ok(Answer::Node(root)));
        let id = self.model.id(Which::Kept(look.0));
        if let Some(checkpoint) = self.model.find(id) {
            self.verify_at(kv, checkpoint, look.1);
        }
    }

    /// After the last step: every checkpoint.
    fn verify_all(&self, kv: &mut MemKv) {
        for (checkpoint, position) in self.model.checkpoints().iter().zip(0..) {
            self.verify_at(kv, *checkpoint, position * 7);
        }
        self.ask(kv, &Call::Frontier).unwrap();
        let prefix = self.prefix;
        let dump = Call::<CheapNode>::Dump.run::<_, DEPTH>(Prefixed { kv, prefix }, 1);
        dump.unwrap();
    }

    fn verify_at(&self, kv: &mut MemKv, at: CheckpointInfo, position: u16) {
        let CheckpointInfo { id, size, .. } = at;
        let root = self.complete.root(Some(self.depth_of(id))).unwrap();
        let ours = self.ask(kv, &Call::RootAt(id));
        assert_eq!(ours, Ok(Answer::Node(root)), "at {id}");
        self.ask(kv, &Call::SizeAt(id)).unwrap();
        let theirs = self.shard_tree.root_at_checkpoint_id(&id).unwrap();
        assert_eq!(theirs, Some(root));
        let position = u64::from(position) % (size + 1);
        let ours = self.ask(kv, &Call::WitnessAt(position, id));
        if position < size {
            let path = match ours {
                Ok(Answer::Path(path)) => Some(path),
                _ => None,
            };
            self.verify_witness(kv, id, root, position, path);
        }
    }

    /// What the engine proves, or refuses to prove, is already checked; here the other trees are
    /// compared with it.
    fn verify_witness(
        &self,
        kv: &mut MemKv,
        id: u32,
        root: CheapNode,
        position: u64,
        ours: Option<Vec<CheapNode>>,
    ) {
        if let Some(path) = &ours {
            let leaf = self.model.tree().leaf(position);
            assert_eq!(fold(position, leaf, path), root);
        }
        let at = Position::from(position);
        // The engine keeps the newest leaf, its siblings, and what retained checkpoints prove.
        // `ShardTree` may not keep them.
        if let Ok(theirs) = self.shard_tree.witness_at_checkpoint_id(at, &id) {
            assert_eq!(
                ours.as_deref(),
                theirs.as_ref().map(|path| path.path_elems())
            );
        }
        let complete = self.complete.witness(at, self.depth_of(id));
        if let (Some(ours), Some(theirs)) = (&ours, complete) {
            assert_eq!(*ours, theirs);
        }
        // A plain ShardTree over the same records.
        let prefix = self.prefix;
        let plain: ShardTree<KvShardStore<CheapNode, 4, Prefixed<'_>>, DEPTH, 4> =
            ShardTree::new(KvShardStore::over(Prefixed { kv, prefix }), 100);
        assert_eq!(plain.root_at_checkpoint_id(&id).unwrap(), Some(root));
        if let Ok(plain) = plain.witness_at_checkpoint_id(at, &id) {
            assert_eq!(ours.unwrap(), plain.unwrap().path_elems());
        }
    }
}

fn play<const DEPTH: u8>(limits: [u32; 2], turns: &[Turn]) {
    let mut kv = MemKv::new();
    let [first, second] = limits;
    let mut trees = [
        Trees::<DEPTH>::new(b'a', first),
        Trees::<DEPTH>::new(b'b', second),
    ];
    for turn in turns {
        let tree = &mut trees[usize::from(turn.second)];
        tree.play(&mut kv, turn.step);
        tree.verify(&mut kv, turn.look);
    }
    for tree in &trees {
        tree.verify(&mut kv, (0, 0));
        tree.verify_all(&mut kv);
    }
}

fn passes<const DEPTH: u8>(limits: [u32; 2], turns: &[Turn]) -> bool {
    catch_unwind(AssertUnwindSafe(|| play::<DEPTH>(limits, turns))).is_ok()
}

/// Leaves out turns for as long as the others still fail.
fn shrink<const DEPTH: u8>(limits: [u32; 2], mut turns: Vec<Turn>) -> Vec<Turn> {
    let begun = Instant::now();
    let mut width = turns.len() / 2;
    while width > 0 {
        let mut at = 0;
        while at < turns.len() && begun.elapsed() < Duration::from_secs(60) {
            let mut fewer = turns.clone();
            fewer.drain(at..(at + width).min(turns.len()));
            match passes::<DEPTH>(limits, &fewer) {
                true => at += width,
                false => turns = fewer,
            }
        }
        width /= 2;
    }
    turns
}

/// Plays one history for each `share` of those asked for.
fn histories<const DEPTH: u8>(share: u64, length: usize, kind: Kind) {
    let count = number("KVSHARD_HISTORIES").unwrap_or(3000) / share;
    let from = number("KVSHARD_SEED").unwrap_or(0);
    for seed in from..from.saturating_add(count) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let limits = [0; 2].map(|_: u32| match rng.random_range(0..3) {
            0 => rng.random_range(1..=200),
            _ => rng.random_range(1..6),
        });
        let turns = history(&mut rng, length, kind);
        if !passes::<DEPTH>(limits, &turns) {
            let least = shrink::<DEPTH>(limits, turns);
            panic!("seed {seed} (KVSHARD_SEED), at most {limits:?} checkpoints: {least:#?}");
        }
    }
}

/// Small trees: some eight shards.
const SMALL: u8 = 8;
/// Quads of two levels.
const LARGE: u8 = 11;

/// Steps of a history, and the most leaves in a batch.
const LENGTH: usize = 40;
const BATCH: u16 = 100;

fn small_histories(share: u64, marked: f64) {
    let kind = Kind {
        marked,
        batch: BATCH,
    };
    histories::<SMALL>(share, LENGTH, kind);
}

#[test]
fn marked() {
    small_histories(2, 1.0);
}

#[test]
fn ephemeral() {
    small_histories(2, 0.0);
}

#[test]
fn mixed() {
    small_histories(1, 0.5);
}

#[test]
fn large() {
    let kind = Kind {
        marked: 0.5,
        batch: 7 * BATCH,
    };
    histories::<LARGE>(50, 2 * LENGTH, kind);
}

#[test]
fn plain_tree_may_not_write() {
    let mut tree = open::<_, CheapNode, 32>(MemKv::new(), Config::default());
    tree.append(&[CheapNode::leaf(1)]).unwrap();
    let mut kv = tree.into_kv();
    let mut store: KvShardStore<CheapNode, 4, &mut MemKv> = KvShardStore::over(&mut kv);
    let shard = store.last_shard().unwrap().unwrap();
    assert!(store.put_shard(shard).is_err());
    assert!(store.truncate_shards(0).is_err());
}
