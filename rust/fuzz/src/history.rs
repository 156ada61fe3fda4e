//! Any sequence of calls, beside a plain model of the tree: a list of leaves and a full recount.

use std::cell::RefCell;
use std::collections::BTreeMap;

use incrementalmerkletree::{Hashable, Level};
use kvshard::engine::{CheckpointInfo, Config, Engine, Retention, Threads, TreeFrontier};
use kvshard::error::Error;

use super::input::Input;
use super::kv::WatchedKv;
use super::node::CheapNode;

const DEPTH: u8 = 32;
const CAPACITY: u64 = 1 << DEPTH;

/// More than any call here may cost: what a batch touches, or what a rewind drops.
const BUDGET: u64 = 4000;

/// Leaves at most, so that an input takes microseconds.
const MOST_LEAVES: usize = 400;

#[derive(Clone, Debug)]
struct Checkpoint {
    id: u32,
    size: u64,
    retained: bool,
}

/// Checkpoints that a call prunes at most, and removed marks that it clears.
const MOST_PRUNED: usize = 2;
const MOST_CLEARED: usize = 16;

/// The tree as it must be.
#[derive(Default)]
struct Model {
    /// What a frontier told of the leaves before `first`.
    ommers: BTreeMap<(u8, u64), CheapNode>,
    first: u64,
    /// From `first` on; whether it is marked.
    leaves: Vec<(CheapNode, bool)>,
    checkpoints: Vec<Checkpoint>,
    /// Marks removed as of a checkpoint, by its id and the position; and whether the mark was
    /// removed before that checkpoint, at whose leaf it is.
    removed: BTreeMap<(u32, u64), bool>,
    /// Complete nodes that were recounted since the last rewind.
    counted: RefCell<BTreeMap<(u8, u64), CheapNode>>,
}

impl Model {
    fn size(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }

    fn leaf(&self, position: u64) -> Option<(CheapNode, bool)> {
        let at = position.checked_sub(self.first)?;
        self.leaves.get(at as usize).copied()
    }

    /// A node of the tree as it was at `size`.
    fn node(&self, level: u8, index: u64, size: u64) -> CheapNode {
        if index << level >= size {
            return CheapNode::empty_root(Level::from(level));
        }
        if let Some(known) = self.ommers.get(&(level, index)) {
            return *known;
        }
        if level == 0 {
            return self
                .leaf(index)
                .expect("no path leads before the frontier")
                .0;
        }
        let complete = (index + 1) << level <= size;
        let counted = self.counted.borrow().get(&(level, index)).copied();
        if let Some(node) = counted.filter(|_| complete) {
            return node;
        }
        let left = self.node(level - 1, 2 * index, size);
        let right = self.node(level - 1, 2 * index + 1, size);
        let node = CheapNode::combine(Level::from(level - 1), &left, &right);
        if complete {
            self.counted.borrow_mut().insert((level, index), node);
        }
        node
    }

    fn root(&self, size: u64) -> CheapNode {
        self.node(DEPTH, 0, size)
    }

    /// The frontier as it was at `size`.
    fn frontier(&self, size: u64) -> TreeFrontier<CheapNode> {
        let Some(position) = size.checked_sub(1) else {
            return TreeFrontier::empty();
        };
        let ommers = (0..DEPTH).filter(|level| position >> level & 1 == 1);
        TreeFrontier {
            size,
            leaf: Some(self.node(0, position, size)),
            ommers: ommers
                .map(|level| self.node(level, (position >> level) - 1, size))
                .collect(),
        }
    }

    fn is_kept(&self, position: u64) -> bool {
        self.leaf(position).is_some_and(|(_, marked)| {
            let ends = |size: u64| size == position + 1;
            marked || ends(self.size()) || self.checkpoints.iter().any(|c| ends(c.size))
        })
    }

    fn find(&self, id: u32) -> Option<usize> {
        self.checkpoints.iter().position(|c| c.id == id)
    }

    fn checkpoint(&mut self, id: u32, most: u32) {
        self.checkpoints.push(Checkpoint {
            id,
            size: self.size(),
            retained: false,
        });
        for _ in 0..MOST_PRUNED {
            if self.checkpoints.iter().filter(|c| !c.retained).count() > most as usize {
                let oldest = self.checkpoints.iter().position(|c| !c.retained);
                self.checkpoints.remove(oldest.expect("counted"));
            }
        }
        self.clear_removed();
    }

    /// A mark goes when no checkpoint up to those that removed it is kept, and none ends with it.
    fn clear_removed(&mut self) {
        let lowest = &self.checkpoints[0];
        let (lowest, size) = (lowest.id, lowest.size);
        let first = self.removed.keys().take(MOST_CLEARED);
        let due: Vec<_> = first.copied().filter(|(id, _)| *id < lowest).collect();
        for (id, mark) in due {
            self.removed.remove(&(id, mark));
            if self.removed.keys().any(|(_, other)| *other == mark) {
                continue;
            }
            match mark + 1 == size {
                true => drop(self.removed.insert((lowest, mark), true)),
                false => self.leaves[(mark - self.first) as usize].1 = false,
            }
        }
    }

    fn rewind(&mut self, at: usize) {
        self.counted.borrow_mut().clear();
        self.checkpoints.truncate(at + 1);
        let Checkpoint { id, size, .. } = self.checkpoints[at];
        self.removed
            .retain(|(as_of, _), before| *as_of < id || (*as_of == id && *before));
        if size == 0 {
            let checkpoints = std::mem::take(&mut self.checkpoints);
            *self = Model {
                checkpoints,
                ..Model::default()
            };
        }
        self.leaves.truncate((size - self.first) as usize);
    }

    /// The siblings of a path must lead to the root.
    fn leads(&self, position: u64, size: u64, path: &[CheapNode]) {
        assert_eq!(path.len(), usize::from(DEPTH));
        let (mut node, _) = self.leaf(position).expect("kept");
        for (level, sibling) in (0..DEPTH).zip(path) {
            node = match position >> level & 1 {
                0 => CheapNode::combine(Level::from(level), &node, sibling),
                _ => CheapNode::combine(Level::from(level), sibling, &node),
            };
        }
        assert_eq!(
            node,
            self.root(size),
            "witness of {position} at size {size}"
        );
    }
}

struct Player {
    kv: WatchedKv,
    model: Model,
    config: Config,
    next_leaf: u64,
}

/// Plays the bytes as calls.
pub fn history(data: &[u8]) {
    let mut input = Input(data);
    let mut player = Player {
        kv: WatchedKv::default(),
        model: Model::default(),
        config: Config {
            max_checkpoints: 1 + u32::from(input.byte() % 8),
            retention: Retention::Marked,
            threads: Threads::AtMost(1),
        },
        next_leaf: 0,
    };
    let mut calls = 0;
    while !input.is_empty() && calls < 64 {
        player.step(&mut input);
        player.look(&mut input);
        calls += 1;
    }
    player.check();
}

impl Player {
    fn engine(&mut self) -> Engine<&mut WatchedKv, CheapNode, DEPTH> {
        self.kv.start(BUDGET);
        Engine::new(&mut self.kv, self.config)
    }

    fn leaves(&mut self, count: usize) -> Vec<CheapNode> {
        let first = self.next_leaf;
        self.next_leaf += count as u64;
        (first..self.next_leaf).map(CheapNode::leaf).collect()
    }

    /// An id that is there, or nearly.
    fn id(&self, input: &mut Input) -> u32 {
        let byte = input.byte();
        match self.model.checkpoints.len() {
            0 => byte.into(),
            n => {
                let checkpoint = &self.model.checkpoints[usize::from(byte) % n];
                match byte {
                    255 => checkpoint.id.wrapping_add(1),
                    _ => checkpoint.id,
                }
            }
        }
    }

    fn step(&mut self, input: &mut Input) {
        match input.byte() % 16 {
            0..3 => self.append(1),
            3..5 => {
                let count = usize::from(input.byte());
                self.append(count);
            }
            5 => {
                let count = usize::from(input.short()) % 300;
                self.append(count);
            }
            6..9 => self.checkpoint(input),
            9 => self.rewind(input),
            10 => self.remove_mark(input),
            11 => self.retain(input),
            12 => self.release(input),
            13 => {
                self.config.retention = match input.byte() % 2 {
                    0 => Retention::Marked,
                    _ => Retention::Ephemeral,
                }
            }
            14 => self.config.max_checkpoints = 1 + u32::from(input.byte()) % 200,
            _ => self.start(input),
        }
    }

    fn append(&mut self, count: usize) {
        if self.model.leaves.len() + count > MOST_LEAVES {
            return;
        }
        let leaves = self.leaves(count);
        let size = self.model.size();
        let before = self.kv.mem.clone();
        let outcome = self.engine().append(&leaves);
        if count as u64 > CAPACITY - size {
            let count = count as u64;
            assert_eq!(outcome, Err(Error::TreeFull { size, count }));
            assert_eq!(self.kv.mem, before);
            return;
        }
        assert_eq!(outcome, Ok(size));
        let marked = self.config.retention == Retention::Marked;
        let leaves = leaves.into_iter().map(|leaf| (leaf, marked));
        self.model.leaves.extend(leaves);
    }

    fn next_id(&self, input: &mut Input) -> u32 {
        let newest = self.model.checkpoints.last().map_or(0, |c| c.id);
        match input.byte() {
            0 => newest,
            1 => u32::MAX - 1,
            3 => u32::MAX,
            2 => newest.saturating_add(input.long() as u32),
            step => newest.saturating_add(step.into()),
        }
    }

    /// The outcome of a new checkpoint's id.
    fn order(&self, id: u32) -> Result<(), Error> {
        match self.model.checkpoints.last() {
            Some(last) if id <= last.id => Err(Error::CheckpointOrder {
                id,
                newest: last.id,
            }),
            _ if id == u32::MAX => Err(Error::LastCheckpoint),
            _ => Ok(()),
        }
    }

    fn checkpoint(&mut self, input: &mut Input) {
        let id = self.next_id(input);
        let expected = self.order(id);
        let outcome = self.engine().checkpoint(id);
        assert_eq!(outcome, expected);
        if outcome.is_ok() {
            self.model.checkpoint(id, self.config.max_checkpoints);
        }
    }

    fn rewind(&mut self, input: &mut Input) {
        let id = self.id(input);
        let outcome = self.engine().rewind(id);
        match self.model.find(id) {
            None => assert_eq!(outcome, Err(Error::CheckpointNotFound { id })),
            Some(at) => {
                assert_eq!(outcome, Ok(()));
                self.model.rewind(at);
            }
        }
    }

    fn remove_mark(&mut self, input: &mut Input) {
        let id = self.id(input);
        let position = self.position(input);
        let outcome = self.engine().remove_mark(position, id);
        let Some(at) = self.model.find(id) else {
            assert_eq!(outcome, Err(Error::CheckpointNotFound { id }));
            return;
        };
        let size = self.model.checkpoints[at].size;
        if position >= size {
            assert_eq!(outcome, Err(Error::PositionNotFound { position, size }));
            return;
        }
        let marked = self.model.leaf(position).is_some_and(|(_, marked)| marked);
        assert_eq!(outcome, Ok(marked), "mark of {position} at {id}");
        if marked {
            self.model.removed.entry((id, position)).or_insert(false);
        }
    }

    fn retain(&mut self, input: &mut Input) {
        let id = self.id(input);
        let outcome = self.engine().retain_checkpoint(id);
        self.set_retained(id, true, outcome);
    }

    fn release(&mut self, input: &mut Input) {
        let id = self.id(input);
        let outcome = self.engine().release_checkpoint(id);
        self.set_retained(id, false, outcome);
    }

    fn set_retained(&mut self, id: u32, retained: bool, outcome: Result<(), Error>) {
        match self.model.find(id) {
            None => assert_eq!(outcome, Err(Error::CheckpointNotFound { id })),
            Some(at) => {
                assert_eq!(outcome, Ok(()));
                self.model.checkpoints[at].retained = retained;
            }
        }
    }

    fn start(&mut self, input: &mut Input) {
        let size = match input.byte() {
            byte @ 0..128 => u64::from(byte),
            byte @ 128..192 => CAPACITY + 1 - u64::from(byte - 128),
            _ => input.long() % (CAPACITY + 1),
        };
        let bits = size.saturating_sub(1).count_ones() as usize;
        let too_many = input.byte() == 255;
        let ommers = self.leaves(bits + usize::from(too_many));
        let wrong = too_many || size > CAPACITY;
        let leaf = (size > 0).then(|| self.leaves(1)[0]);
        let frontier = TreeFrontier { size, leaf, ommers };
        let id = self.next_id(input);
        let before = self.kv.mem.clone();
        let outcome = self.engine().insert_frontier(&frontier, id);
        let refused = match self.model.size() {
            0 if wrong => matches!(outcome, Err(Error::InvalidArgument(_))),
            0 => match self.order(id) {
                Ok(()) => return self.started(&frontier, id, outcome),
                order => outcome == order,
            },
            size => outcome == Err(Error::NotEmpty { size }),
        };
        assert!(refused, "{frontier:?} {id}: {outcome:?}");
        assert_eq!(self.kv.mem, before);
    }

    fn started(&mut self, from: &TreeFrontier<CheapNode>, id: u32, outcome: Result<(), Error>) {
        assert_eq!(outcome, Ok(()), "{from:?} {id}");
        if let Some(leaf) = from.leaf {
            let position = from.size - 1;
            let levels = (0..DEPTH).filter(|level| position >> level & 1 == 1);
            let places = levels.map(|level| (level, (position >> level) - 1));
            self.model.counted.borrow_mut().clear();
            self.model.ommers = places.zip(from.ommers.iter().copied()).collect();
            self.model.first = position;
            let marked = self.config.retention == Retention::Marked;
            self.model.leaves.push((leaf, marked));
        }
        self.model.checkpoint(id, self.config.max_checkpoints);
    }

    /// A position: of a leaf, or a little off.
    fn position(&self, input: &mut Input) -> u64 {
        let at = u64::from(input.short());
        match at {
            0xff00.. => self.model.first.wrapping_sub(at & 0xff),
            _ => self.model.first + at % (self.model.leaves.len() as u64 + 2),
        }
    }

    /// A query or two behind each step.
    fn look(&mut self, input: &mut Input) {
        let size = self.model.size();
        assert_eq!(self.engine().size(), Ok(size));
        match input.byte() % 16 {
            0 => self.check(),
            1 => {
                let root = self.model.root(size);
                assert_eq!(self.engine().root(), Ok(root));
            }
            2 => {
                let frontier = self.model.frontier(size);
                assert_eq!(self.engine().frontier(), Ok(frontier));
            }
            6 => self.nodes(input),
            7 => {
                let at = self.position(input);
                match self.engine().frontier_at_size(at) {
                    Ok(frontier) => assert_eq!(frontier, self.model.frontier(at)),
                    Err(Error::SizeNotReached { .. }) => assert!(at > size),
                    Err(Error::Pruned { position }) => {
                        assert_eq!(position + 1, at);
                        assert!(!self.model.is_kept(position), "{position} was kept");
                    }
                    Err(other) => panic!("frontier at {at}: {other}"),
                }
            }
            3 | 4 => self.witness(input),
            5 => {
                let position = self.position(input);
                let kept = self.model.is_kept(position);
                let expected = match self.model.leaf(position) {
                    _ if position >= size => Err(Error::PositionNotFound { position, size }),
                    Some((leaf, _)) if kept => Ok(leaf),
                    _ => Err(Error::Pruned { position }),
                };
                // A leaf that is not kept may still stand beside one that is.
                match self.engine().leaf(position) {
                    Ok(leaf) if expected == Err(Error::Pruned { position }) => {
                        assert_eq!(Some(leaf), self.model.leaf(position).map(|(leaf, _)| leaf));
                    }
                    outcome => assert_eq!(outcome, expected),
                }
            }
            _ => {}
        }
    }

    fn nodes(&mut self, input: &mut Input) {
        let level = input.byte() % 8;
        let first = self.position(input) >> level;
        let count = u64::from(input.byte() % 8);
        let size = self.model.size();
        match self.engine().nodes(level, first, count) {
            Ok(nodes) => {
                assert_eq!(nodes.len() as u64, count);
                for (node, index) in nodes.into_iter().zip(first..) {
                    if index << level >= self.model.first {
                        assert_eq!(node, self.model.node(level, index, size));
                    }
                }
            }
            Err(Error::NodeNotFound { .. }) => assert!(first.saturating_add(count) > size >> level),
            Err(Error::NodePruned { level, index }) => {
                let mut leaves = index << level..(index + 1) << level;
                assert!(
                    leaves.any(|position| !self.model.is_kept(position)),
                    "node {index} of level {level} was kept"
                );
            }
            Err(other) => panic!("{count} nodes of level {level} from {first}: {other}"),
        }
    }

    fn witness(&mut self, input: &mut Input) {
        let id = self.id(input);
        let position = self.position(input);
        let (outcome, size) = match self.model.find(id) {
            Some(at) => (
                self.engine().witness_at(position, id),
                self.model.checkpoints[at].size,
            ),
            None => (self.engine().witness(position), self.model.size()),
        };
        match outcome {
            Ok(path) => {
                assert!(position < size);
                self.model.leads(position, size, &path);
            }
            Err(Error::PositionNotFound { .. }) => assert!(position >= size),
            Err(Error::Pruned { .. }) => {
                assert!(position < size);
                assert!(!self.model.is_kept(position), "{position} was kept");
            }
            Err(other) => panic!("witness of {position} at {id}: {other}"),
        }
    }

    /// Everything.
    fn check(&mut self) {
        assert_eq!(self.engine().check(), Ok(vec![]));
        let size = self.model.size();
        let root = self.model.root(size);
        assert_eq!(self.engine().root(), Ok(root));
        let frontier = self.model.frontier(size);
        assert_eq!(self.engine().frontier(), Ok(frontier));
        let listed = self.model.checkpoints.iter().map(|c| CheckpointInfo {
            id: c.id,
            size: c.size,
            retained: c.retained,
        });
        let listed: Vec<_> = listed.collect();
        assert_eq!(self.engine().newest(), Ok(listed.last().copied()));
        assert_eq!(self.engine().checkpoints(), Ok(listed));
        for Checkpoint { id, size, .. } in self.model.checkpoints.clone().into_iter().take(8) {
            let root = self.model.root(size);
            assert_eq!(self.engine().size_at(id), Ok(size));
            assert_eq!(self.engine().root_at(id), Ok(root), "at {id}, size {size}");
        }
        self.engine().dump().expect("a sound store");
    }
}
