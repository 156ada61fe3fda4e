//! Random histories on the engine and, side by side, on `ShardTree<MemoryShardStore>`; and a plain
//! `ShardTree` over the engine's own store.

mod common;

use common::cases;
use incrementalmerkletree::{Hashable, Level, Position, Retention as ImtRetention};
use kvshard::engine::{Config, Engine, Retention};
use kvshard::error::Error;
use kvshard::kv::MemKv;
use kvshard::kv_shard_store::KvShardStore;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardtree::ShardTree;
use shardtree::store::ShardStore;
use shardtree::store::memory::MemoryShardStore;

const DEPTH: u8 = 12;

type Reference = ShardTree<MemoryShardStore<String, u32>, DEPTH, 4>;

struct Model {
    rng: ChaCha8Rng,
    kv: MemKv,
    reference: Reference,
    max_checkpoints: u32,
    leaves: Vec<String>,
    checkpoints: Vec<(u32, u64)>,
    retained: Vec<u32>,
    next_id: u32,
    next_leaf: u64,
}

fn root_of(leaves: &[String]) -> String {
    let mut row: Vec<String> = leaves.to_vec();
    for level in 0..DEPTH {
        let level = Level::from(level);
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [l, r] => String::combine(level, l, r),
                [l] => String::combine(level, l, &String::empty_root(level)),
                _ => unreachable!(),
            })
            .collect();
    }
    row.pop()
        .unwrap_or_else(|| String::empty_root(DEPTH.into()))
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let max_checkpoints = rng.random_range(1..6);
        Model {
            rng,
            kv: MemKv::new(),
            reference: ShardTree::new(MemoryShardStore::empty(), max_checkpoints as usize),
            max_checkpoints,
            leaves: vec![],
            checkpoints: vec![],
            retained: vec![],
            next_id: 1,
            next_leaf: 0,
        }
    }

    fn engine(&mut self, retention: Retention) -> Engine<&mut MemKv, String, DEPTH> {
        let config = Config {
            max_checkpoints: self.max_checkpoints,
            retention,
            ..Config::default()
        };
        Engine::new(&mut self.kv, config)
    }

    fn step(&mut self, marked_share: f64) {
        match self.rng.random_range(0..100) {
            0..55 => self.append(marked_share),
            55..80 => self.checkpoint(),
            80..84 => self.rewind(),
            84..90 => self.remove_mark(),
            90..93 => self.retain(),
            93..96 => self.release(),
            _ => {}
        }
    }

    fn append(&mut self, marked_share: f64) {
        let count = match self.rng.random_range(0..10) {
            0..5 => 1,
            5..9 => self.rng.random_range(1..40),
            _ => self.rng.random_range(100..400),
        };
        let count = count.min((1u64 << DEPTH) - self.leaves.len() as u64);
        let leaves: Vec<String> = (0..count)
            .map(|i| {
                char::from_u32(0x4e00 + ((self.next_leaf + i) % 20000) as u32)
                    .unwrap()
                    .to_string()
            })
            .collect();
        self.next_leaf += count;
        let retention = match self.rng.random_bool(marked_share) {
            true => Retention::Marked,
            false => Retention::Ephemeral,
        };
        let first = self.leaves.len() as u64;
        assert_eq!(self.engine(retention).append(&leaves), Ok(first));
        for leaf in &leaves {
            let retention = match retention {
                Retention::Marked => ImtRetention::Marked,
                Retention::Ephemeral => ImtRetention::Ephemeral,
            };
            self.reference.append(leaf.clone(), retention).unwrap();
        }
        self.leaves.extend(leaves);
    }

    fn checkpoint(&mut self) {
        let id = self.next_id + self.rng.random_range(0..300);
        self.engine(Retention::Marked).checkpoint(id).unwrap();
        assert!(self.reference.checkpoint(id).unwrap());
        self.next_id = id + 1;
        self.checkpoints.push((id, self.leaves.len() as u64));
        while self.checkpoints.len() - self.retained.len() > self.max_checkpoints as usize {
            let oldest = self
                .checkpoints
                .iter()
                .position(|(id, _)| !self.retained.contains(id))
                .unwrap();
            self.checkpoints.remove(oldest);
        }
    }

    fn pick(&mut self) -> Option<(u32, u64)> {
        match self.checkpoints.len() {
            0 => None,
            n => Some(self.checkpoints[self.rng.random_range(0..n)]),
        }
    }

    fn rewind(&mut self) {
        let Some((id, size)) = self.pick() else {
            return;
        };
        self.engine(Retention::Marked).rewind(id).unwrap();
        assert!(self.reference.truncate_to_checkpoint(&id).unwrap());
        for dropped in self.retained.iter().filter(|r| **r > id) {
            self.reference.remove_retained_checkpoint(dropped).unwrap();
        }
        self.leaves.truncate(size as usize);
        self.checkpoints.retain(|(other, _)| *other <= id);
        self.retained.retain(|other| *other <= id);
        self.next_id = id + 1;
    }

    fn remove_mark(&mut self) {
        let Some((id, size)) = self.pick() else {
            return;
        };
        if size == 0 {
            return;
        }
        let position = self.rng.random_range(0..size);
        let ours = self.engine(Retention::Marked).remove_mark(position, id);
        let theirs = self.reference.remove_mark(position.into(), Some(&id));
        assert_eq!(ours, Ok(theirs.unwrap()), "mark at {position} as of {id}");
    }

    fn retain(&mut self) {
        if let Some((id, _)) = self.pick() {
            self.engine(Retention::Marked)
                .retain_checkpoint(id)
                .unwrap();
            self.reference.ensure_retained(id).unwrap();
            if !self.retained.contains(&id) {
                self.retained.push(id);
            }
        }
    }

    fn release(&mut self) {
        if let Some((id, _)) = self.pick() {
            self.engine(Retention::Marked)
                .release_checkpoint(id)
                .unwrap();
            self.reference.remove_retained_checkpoint(&id).unwrap();
            self.retained.retain(|other| *other != id);
            // `ShardTree` prunes at its next append already, the engine at its next checkpoint.
            self.checkpoint();
        }
    }

    fn verify(&mut self) {
        let violations = self.engine(Retention::Marked).check().unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
        let leaves = self.leaves.clone();
        let checkpoints = self.checkpoints.clone();
        let expected = root_of(&leaves);
        let mut engine = self.engine(Retention::Marked);
        assert_eq!(engine.root().unwrap(), expected);
        assert_eq!(engine.size().unwrap(), leaves.len() as u64);
        let listed: Vec<_> = engine
            .checkpoints()
            .unwrap()
            .iter()
            .map(|c| (c.id, c.size))
            .collect();
        assert_eq!(listed, checkpoints);
        for (id, size) in &checkpoints {
            let root = root_of(&leaves[..*size as usize]);
            assert_eq!(
                engine.root_at(*id).unwrap(),
                root,
                "root at {id}, size {size}"
            );
            assert_eq!(engine.size_at(*id).unwrap(), *size);
        }
        engine.frontier().unwrap();
        engine.dump().unwrap();
        self.verify_witnesses();
    }

    fn verify_witnesses(&mut self) {
        let size = self.leaves.len() as u64;
        if size == 0 {
            return;
        }
        for _ in 0..6 {
            let position = self.rng.random_range(0..size);
            let Some((id, at)) = self.pick() else {
                return;
            };
            if position >= at {
                let ours = self.engine(Retention::Marked).witness_at(position, id);
                assert_eq!(ours, Err(Error::PositionNotFound { position, size: at }));
                continue;
            }
            let theirs = self
                .reference
                .witness_at_checkpoint_id(Position::from(position), &id);
            let ours = self.engine(Retention::Marked).witness_at(position, id);
            match (ours, theirs) {
                (Ok(ours), Ok(Some(theirs))) => assert_eq!(ours, theirs.path_elems()),
                // The engine keeps the newest leaf and its siblings, `ShardTree` may not.
                (Ok(ours), Err(_)) => {
                    let mut node = self.leaves[position as usize].clone();
                    for (level, sibling) in ours.iter().enumerate() {
                        let level = Level::from(level as u8);
                        node = match position >> u8::from(level) & 1 {
                            0 => String::combine(level, &node, sibling),
                            _ => String::combine(level, sibling, &node),
                        };
                    }
                    assert_eq!(node, root_of(&self.leaves[..at as usize]));
                }
                (Err(Error::Pruned { .. }), Err(_)) => {}
                (ours, theirs) => panic!("{position} at {id}: {ours:?}, but {theirs:?}"),
            }
            // A plain ShardTree over the same store.
            let plain: ShardTree<KvShardStore<String, 4, &mut MemKv>, DEPTH, 4> =
                ShardTree::new(KvShardStore::over(&mut self.kv), 100);
            assert_eq!(
                plain.root_at_checkpoint_id(&id).unwrap().unwrap(),
                root_of(&self.leaves[..at as usize])
            );
            if let Ok(plain) = plain.witness_at_checkpoint_id(Position::from(position), &id) {
                let ours = self.engine(Retention::Marked).witness_at(position, id);
                assert_eq!(ours.unwrap(), plain.unwrap().path_elems());
            }
        }
    }
}

fn history(seed: u64, steps: usize, marked_share: f64) {
    let mut model = Model::new(seed);
    for step in 0..steps {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            model.step(marked_share);
            model.verify();
        }));
        if let Err(panic) = outcome {
            eprintln!("seed {seed}, step {step}, marked {marked_share}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn marked() {
    (0..cases(20)).for_each(|seed| history(seed, 60, 1.0));
}

#[test]
fn ephemeral() {
    (100..100 + cases(20)).for_each(|seed| history(seed, 60, 0.0));
}

#[test]
fn mixed() {
    (200..200 + cases(30)).for_each(|seed| history(seed, 60, 0.5));
}

#[test]
fn plain_tree_may_not_write() {
    let mut model = Model::new(1);
    model.append(1.0);
    let mut store: KvShardStore<String, 4, &mut MemKv> = KvShardStore::over(&mut model.kv);
    let shard = store.last_shard().unwrap().unwrap();
    assert!(store.put_shard(shard).is_err());
    assert!(store.truncate_shards(0).is_err());
}
