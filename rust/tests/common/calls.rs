//! Every public call of the engine as a value, and its answer.

use kvshard::engine::{CheckpointInfo, Config, Engine, Retention, TreeFrontier};
use kvshard::error::Error;
use kvshard::kv::Kv;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::nodes::{TestNode, leaves};

/// A call.
#[derive(Clone, Debug)]
pub enum Call<H> {
    Append(Vec<H>, Retention),
    Checkpoint(u32),
    Size,
    SizeAt(u32),
    Root,
    RootAt(u32),
    Leaf(u64),
    Witness(u64),
    WitnessAt(u64, u32),
    Rewind(u32),
    Checkpoints,
    Retain(u32),
    Release(u32),
    RemoveMark(u64, u32),
    Frontier,
    FrontierAt(u32),
    FrontierAtSize(u64),
    Nodes(u8, u64, u64),
    Newest,
    InsertFrontier(TreeFrontier<H>, u32),
    Check,
    Dump,
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<H> {
    Done,
    Number(u64),
    Bool(bool),
    Node(H),
    Path(Vec<H>),
    Checkpoints(Vec<CheckpointInfo>),
    Frontier(TreeFrontier<H>),
    Text(String),
}

impl<H: TestNode> Call<H> {
    /// Makes the call.
    pub fn run<K: Kv, const DEPTH: u8>(
        &self,
        kv: K,
        max_checkpoints: u32,
    ) -> Result<Answer<H>, Error> {
        let config = Config {
            max_checkpoints,
            retention: match self {
                Call::Append(_, retention) => *retention,
                _ => Retention::Marked,
            },
            ..Config::default()
        };
        self.run_on(&mut Engine::<K, H, DEPTH>::new(kv, config))
    }

    /// Makes the call on an engine that may have made others; its own retention counts.
    pub fn run_on<K: Kv, const DEPTH: u8>(
        &self,
        tree: &mut Engine<K, H, DEPTH>,
    ) -> Result<Answer<H>, Error> {
        Ok(match self {
            Call::Append(leaves, _) => Answer::Number(tree.append(leaves)?),
            Call::Checkpoint(id) => {
                tree.checkpoint(*id)?;
                Answer::Done
            }
            Call::Size => Answer::Number(tree.size()?),
            Call::SizeAt(id) => Answer::Number(tree.size_at(*id)?),
            Call::Root => Answer::Node(tree.root()?),
            Call::RootAt(id) => Answer::Node(tree.root_at(*id)?),
            Call::Leaf(position) => Answer::Node(tree.leaf(*position)?),
            Call::Witness(position) => Answer::Path(tree.witness(*position)?),
            Call::WitnessAt(position, id) => Answer::Path(tree.witness_at(*position, *id)?),
            Call::Rewind(id) => {
                tree.rewind(*id)?;
                Answer::Done
            }
            Call::Checkpoints => Answer::Checkpoints(tree.checkpoints()?),
            Call::Retain(id) => {
                tree.retain_checkpoint(*id)?;
                Answer::Done
            }
            Call::Release(id) => {
                tree.release_checkpoint(*id)?;
                Answer::Done
            }
            Call::RemoveMark(position, id) => Answer::Bool(tree.remove_mark(*position, *id)?),
            Call::Frontier => Answer::Frontier(tree.frontier()?),
            Call::FrontierAt(id) => Answer::Frontier(tree.frontier_at(*id)?),
            Call::FrontierAtSize(size) => Answer::Frontier(tree.frontier_at_size(*size)?),
            Call::Nodes(level, first, count) => Answer::Path(tree.nodes(*level, *first, *count)?),
            Call::Newest => Answer::Checkpoints(tree.newest()?.into_iter().collect()),
            Call::InsertFrontier(frontier, id) => {
                tree.insert_frontier(frontier, *id)?;
                Answer::Done
            }
            Call::Check => {
                let violations = tree.check()?;
                let lines = violations.iter().map(|violation| format!("{violation}\n"));
                Answer::Text(lines.collect())
            }
            Call::Dump => Answer::Text(tree.dump()?),
        })
    }
}

/// Writes random calls that succeed: a history.
pub struct Historian {
    pub max_checkpoints: u32,
    pub size: u64,
    pub checkpoints: Vec<(u32, u64)>,
    pub retained: Vec<u32>,
    pub capacity: u64,
    pub largest_batch: u64,
    /// Whether checkpoints may be rewound to.
    pub rewinds: bool,
    /// Of 100 appends, how many are Marked.
    pub marked: u32,
    next_id: u32,
    next_leaf: u64,
}

impl Historian {
    pub fn new(max_checkpoints: u32, capacity: u64) -> Self {
        Historian {
            max_checkpoints,
            size: 0,
            checkpoints: vec![],
            retained: vec![],
            capacity,
            largest_batch: 40,
            rewinds: true,
            marked: 50,
            next_id: 1,
            next_leaf: 0,
        }
    }

    pub fn calls<H: TestNode>(&mut self, rng: &mut ChaCha8Rng, count: usize) -> Vec<Call<H>> {
        (0..count).map(|_| self.call(rng)).collect()
    }

    pub fn call<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        match rng.random_range(0..100) {
            0..55 => self.append(rng),
            55..82 => self.checkpoint(rng),
            82..86 if self.rewinds => self.rewind(rng),
            86..92 => self.remove_mark(rng),
            92..97 => self.retain(rng),
            _ => self.release(rng),
        }
    }

    pub fn append<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let count = match rng.random_range(0..10) {
            0..4 => 1,
            _ => rng.random_range(0..=self.largest_batch),
        };
        let count = count.min(self.capacity - self.size);
        let first = self.next_leaf;
        self.next_leaf += count;
        self.size += count;
        let marked = rng.random_range(0..100) < self.marked;
        let retention = match marked {
            true => Retention::Marked,
            false => Retention::Ephemeral,
        };
        Call::Append(leaves(first, count), retention)
    }

    pub fn checkpoint<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let id = self.next_id + rng.random_range(0..300);
        self.next_id = id + 1;
        self.checkpoints.push((id, self.size));
        while self.checkpoints.len() - self.retained.len() > self.max_checkpoints as usize {
            let prunable = |(id, _): &(u32, u64)| !self.retained.contains(id);
            let oldest = self.checkpoints.iter().position(prunable);
            self.checkpoints
                .remove(oldest.expect("one is not retained"));
        }
        Call::Checkpoint(id)
    }

    fn any(&self, rng: &mut ChaCha8Rng) -> Option<(u32, u64)> {
        match self.checkpoints.len() {
            0 => None,
            count => Some(self.checkpoints[rng.random_range(0..count)]),
        }
    }

    fn rewind<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let Some((id, size)) = self.any(rng) else {
            return self.checkpoint(rng);
        };
        self.size = size;
        self.checkpoints.retain(|(other, _)| *other <= id);
        self.retained.retain(|other| *other <= id);
        self.next_id = id + 1;
        Call::Rewind(id)
    }

    fn remove_mark<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        match self.any(rng) {
            Some((id, size)) if size > 0 => Call::RemoveMark(rng.random_range(0..size), id),
            _ => self.append(rng),
        }
    }

    fn retain<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let Some((id, _)) = self.any(rng) else {
            return self.checkpoint(rng);
        };
        if !self.retained.contains(&id) {
            self.retained.push(id);
        }
        Call::Retain(id)
    }

    fn release<H: TestNode>(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let Some((id, _)) = self.any(rng) else {
            return self.append(rng);
        };
        self.retained.retain(|other| *other != id);
        Call::Release(id)
    }
}
